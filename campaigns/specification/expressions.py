"""Constraints between parameters, written as expressions: ``naoh_factor <= 2 * nh4oh_factor``.

The text is parsed with :mod:`ast` and only arithmetic, comparisons, ``and``/``or``/``not``, ``min``, ``max``
and ``abs`` over numbers, quoted categories and parameter names are understood; nothing is ever executed.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.values import Conditions

MAX_LENGTH = 300

Value = float | str | bool

_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,  # real powers only: ** would turn complex or grow without end
}
_ORDER: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {"min": min, "max": max, "abs": abs}

# Steps such as 0.05 are not exact in binary: 0.15 <= 3 * 0.05 must hold.
_SLACK = 1e-9


class ExpressionError(ValueError):
    """Text that is no constraint; the message says what was expected and what came, for one fault."""


@dataclass(frozen=True)
class Expression:
    """A rule that holds or does not for given conditions; what cannot be computed does not hold."""

    text: str
    body: ast.expr
    names: frozenset[str]

    def __call__(self, conditions: Conditions) -> bool:
        """Whether the rule holds; ``conditions`` must give every name of the expression (KeyError if not)."""
        try:
            return _evaluate(self.body, conditions) is True
        except (ArithmeticError, ValueError):
            return False


def parse(text: str, categories: Mapping[str, tuple[str, ...]]) -> Expression:
    """The constraint in ``text``.

    ``categories`` gives the known parameters by name: their categories, or ``()`` for a numeric parameter.

    Errors: :class:`ExpressionError`.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression of at most {MAX_LENGTH} characters")
    try:
        body = ast.parse(text.strip(), mode="eval").body
        kind = _kind(body, categories)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as failure:
        if isinstance(failure, ExpressionError):
            raise
        raise ExpressionError("an expression such as naoh_factor <= 2 * nh4oh_factor") from None
    if kind != "rule":
        raise ExpressionError("a comparison such as naoh_factor <= 2 * nh4oh_factor")
    names = frozenset(node.id for node in ast.walk(body) if isinstance(node, ast.Name)) - set(_FUNCTIONS)
    return Expression(text=text.strip(), body=body, names=names)


def _kind(node: ast.expr, categories: Mapping[str, tuple[str, ...]]) -> str:
    """``number``, ``category`` or ``rule``; every node is checked here, so that evaluation meets no other."""
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float()):
            return "number"
        case ast.Constant(value=str()):
            return "category"
        case ast.Name(id=name):
            if name not in categories:
                raise ExpressionError(
                    f"only declared parameters ({', '.join(categories) or 'there are none'})"
                )
            return "category" if categories[name] else "number"
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _all(categories, "number", operand)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _all(categories, "rule", operand)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
            return _all(categories, "number", left, right)
        case ast.BoolOp(values=values):
            return _all(categories, "rule", *values)
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as arguments, keywords=[]) if name in _FUNCTIONS:
            if (name == "abs") != (len(arguments) == 1):
                raise ExpressionError("abs of one value, min or max of several")
            return _all(categories, "number", *arguments)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _comparison([left, *others], ops, categories)
    raise ExpressionError("only numbers, parameters, + - * / **, comparisons, and, or, not, min, max and abs")


def _all(categories: Mapping[str, tuple[str, ...]], wanted: str, *nodes: ast.expr) -> str:
    for node in nodes:
        kind = _kind(node, categories)
        if kind != wanted:
            raise ExpressionError(f"a {wanted} at `{ast.unparse(node)}`, which is a {kind}")
    return wanted


def _comparison(
    terms: list[ast.expr], ops: list[ast.cmpop], categories: Mapping[str, tuple[str, ...]]
) -> str:
    for left, op, right in zip(terms, ops, terms[1:], strict=False):
        kinds = {_kind(left, categories), _kind(right, categories)}
        equality = isinstance(op, ast.Eq | ast.NotEq)
        if kinds == {"category"} and equality:
            _check_categories(left, right, categories)
        elif kinds != {"number"} or not (equality or type(op) in _ORDER):
            raise ExpressionError(
                f"numbers, or a category after == or !=, on both sides of `{ast.unparse(left)} …`"
            )
    return "rule"


def _check_categories(left: ast.expr, right: ast.expr, categories: Mapping[str, tuple[str, ...]]) -> None:
    for side, other in ((left, right), (right, left)):
        if (
            isinstance(side, ast.Name)
            and isinstance(other, ast.Constant)
            and other.value not in categories[side.id]
        ):
            raise ExpressionError(f"one of {side.id}'s categories ({', '.join(categories[side.id])})")


def _evaluate(node: ast.expr, given: Conditions) -> Value:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            value = given[name]
            return value if isinstance(value, str) else float(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, given)
        case ast.UnaryOp(op=op, operand=operand):
            return -_number(operand, given) if isinstance(op, ast.USub) else _number(operand, given)
        case ast.BinOp(op=op, left=left, right=right):
            return _ARITHMETIC[type(op)](_number(left, given), _number(right, given))
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_evaluate(value, given) for value in values)
        case ast.BoolOp(values=values):
            return any(_evaluate(value, given) for value in values)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return float(_FUNCTIONS[name](*(_number(argument, given) for argument in arguments)))
        case ast.Compare(left=left, ops=ops, comparators=others):
            found = [_evaluate(term, given) for term in (left, *others)]
            return all(_compare(a, op, b) for a, op, b in zip(found, ops, found[1:], strict=False))
    raise TypeError(f"{ast.dump(node)} was let through by the parser")


def _number(node: ast.expr, given: Conditions) -> float:
    value = _evaluate(node, given)
    if isinstance(value, str):
        raise ValueError(f"{ast.unparse(node)} is {value!r}, not a number")
    return float(value)


def _compare(left: Value, op: ast.cmpop, right: Value) -> bool:
    if isinstance(left, str) or isinstance(right, str):
        return (left == right) is isinstance(op, ast.Eq)
    near = math.isclose(left, right, rel_tol=_SLACK, abs_tol=_SLACK)
    if isinstance(op, ast.Eq | ast.NotEq):
        return near is isinstance(op, ast.Eq)
    if isinstance(op, ast.LtE | ast.GtE) and near:
        return True
    return _ORDER[type(op)](left, right) and not near
