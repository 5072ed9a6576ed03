"""Results as JSON text, and back."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from turncoat.refusal import Refusal
from turncoat.results.audit import AuditResult
from turncoat.results.comparison import Comparison
from turncoat.results.confirmation import Confirmation
from turncoat.results.design import Design
from turncoat.results.detection import Detection
from turncoat.results.matrix import Matrix
from turncoat.results.reproduction import Reproduction, Reproductions
from turncoat.results.result import Result

Found = (
    Result
    | AuditResult
    | Reproduction
    | Reproductions
    | Comparison
    | Confirmation
    | Matrix
    | Detection
    | Design
)


def to_json(result: Found) -> str:
    """The result as indented JSON text that ends in a newline."""
    return json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str | bytes) -> Found:
    """The result that `to_json` wrote; raises `Refusal` for anything else, naming the first fault."""
    adapter: TypeAdapter[Found] = TypeAdapter(Annotated[Found, Field(discriminator="format")])
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the text"
        raise Refusal(f"this is no result of Turncoat's ({place}: {first['msg']}); make it again") from error
