"""Laws of Ctrl-C: the first is a wish, the second an order; afterwards all is as before."""

import os
import signal
import threading

import pytest

from judgify.replay.interrupt import catch_interrupt, end_on_signals


def send_to_ourselves(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    threading.Event().wait(5)


def test_the_first_ctrl_c_is_a_wish() -> None:
    with catch_interrupt() as stop:
        assert not stop.is_set()

        os.kill(os.getpid(), signal.SIGINT)

        assert stop.wait(5)


def test_another_signal_is_a_wish_where_that_was_asked_for_and_only_there() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with catch_interrupt(signal.SIGTERM) as stop:
        os.kill(os.getpid(), signal.SIGTERM)

        assert stop.wait(5)

    assert signal.getsignal(signal.SIGTERM) is before


def test_the_second_ctrl_c_ends_at_once() -> None:
    with catch_interrupt() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)

        with pytest.raises(KeyboardInterrupt):
            send_to_ourselves(signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_the_terminal_is_a_ctrl_c(number: signal.Signals) -> None:
    with end_on_signals(), pytest.raises(KeyboardInterrupt):
        send_to_ourselves(number)


def test_handlers_are_as_before_afterwards() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]

    with end_on_signals(), catch_interrupt():
        during = [signal.getsignal(number) for number in numbers]

    assert [signal.getsignal(number) for number in numbers] == before
    assert all(handler not in before for handler in during)


def test_other_threads_are_let_alone() -> None:
    stops: list[threading.Event] = []

    def work() -> None:
        with end_on_signals(), catch_interrupt() as stop:
            stops.append(stop)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert not stops[0].is_set()
