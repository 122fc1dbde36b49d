from bench.guarantee import compare


def test_a_position_past_a_record_without_a_result_is_a_loss() -> None:
    there = [(0, 0), (0, 1), (0, 3), (1, 0)]

    assert compare([3, 1], there) == {"results": 4, "committed": 4, "lost": 1, "again": 1}


def test_results_past_the_position_are_made_again_and_lost_are_they_not() -> None:
    assert compare([0, 0], [(0, 0), (1, 5)]) == {
        "results": 2,
        "committed": 0,
        "lost": 0,
        "again": 2,
    }


def test_a_result_that_came_twice_counts_once() -> None:
    assert compare([1], [(0, 0), (0, 0)])["results"] == 1


def test_a_contender_without_any_position_loses_nothing() -> None:
    assert compare([], [(0, 0)]) == {"results": 1, "committed": 0, "lost": 0, "again": 1}
