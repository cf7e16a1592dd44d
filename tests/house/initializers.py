"""Finds TRY inside a braced initializer behind another element.

TRY returns from the middle of an expression. GCC destroys the temporaries of a call there, but not the elements of an
aggregate it has made so far (`A{TRY(first), TRY(second)}` leaks the first when the second fails): on hostile input that
is a leak a refusal. A name of its own for each value costs nothing.
"""

import re

LITERALS = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
# What stands before the brace of a block; before any other brace it opens an initializer.
BLOCK = re.compile(r"(\)|\]|\b(else|do|try|const|noexcept|mutable|override|final|namespace(\s+[\w:]+)?)|[;{}:]"
                   r"|\b(struct|class|enum|union)\b[^;{}()=]*|->\s*[\w:<>,\s*&]+)$")


def without_literals(text):
    return LITERALS.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def lines_with_try_behind_an_element(source):
    text = without_literals(source)
    found, stack = [], []  # of [is it an initializer, has it an element already]; a block ends the search outwards
    for at, char in enumerate(text):
        if char in "([{":
            before = text[max(0, at - 300):at].rstrip()
            block = char == "{" and (not before or BLOCK.search(before) is not None)
            stack.append(["block" if block else "braces" if char == "{" else "other", False])
        elif char in ")]}" and stack:
            stack.pop()
        elif char == "," and stack:
            stack[-1][1] = True
        elif text.startswith("TRY(", at) and not (at and (text[at - 1].isalnum() or text[at - 1] == "_")):
            for kind, has_element in reversed(stack):
                if kind == "block":
                    break
                if kind == "braces" and has_element:
                    found.append(text.count("\n", 0, at) + 1)
                    break
    return found
