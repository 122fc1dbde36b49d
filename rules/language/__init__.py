"""The language of rules: lexer, parser, types, evaluation with three values, generated code."""
