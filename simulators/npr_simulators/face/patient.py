"""Simulated patients as a clinician can read them: one TOML file each, read strictly."""

import difflib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from npr_daq.anatomy import Side
from npr_daq.errors import ProtocolFileError, UsageError
from npr_daq.quoting import quoted, shortened, shown_path
from npr_daq.text_file import NotReadable, parse_toml, read_text

FOLDER = Path(__file__).resolve().parents[1] / "patients"
"""Where the patients that ship with the simulators are kept."""

YesNo = Literal["yes", "no"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Contraindications(_Strict):
    """The patient's own answers to the questions that are asked before the first shock."""

    pacemaker_or_defibrillator: YesNo = "no"
    external_pacing_lead: YesNo = "no"
    central_line: YesNo = "no"
    implanted_stimulator: YesNo = "no"
    wound_infection_or_surgery: YesNo = "no"
    pregnancy: YesNo = "no"
    epilepsy: YesNo = "no"
    anticoagulation: YesNo = "no"


class Intake(_Strict):
    """What the patient answers. `affected` is "lesion" (the side the lesion was put on), "both" or "none"."""

    age_years: int = Field(ge=16, le=100)
    sex: Literal["female", "male", "other"]
    affected: Literal["lesion", "both", "none"]
    cause: str = Field(max_length=80)
    days_since_onset: int | None = Field(default=None, ge=0)
    house_brackmann: int | None = Field(default=None, ge=1, le=6)
    sunnybrook: int | None = Field(default=None, ge=0, le=100)
    skin_temperature_c: float = Field(default=34.0, ge=20, le=40)
    consent: YesNo = "yes"
    contraindications: Contraindications = Contraindications()


class Nerve(_Strict):
    """Both halves of the face before any lesion."""

    trunk_depth_mm: float = Field(default=16.0, ge=2, le=60)
    branch_depth_mm: float = Field(default=8.0, ge=2, le=60)
    head_size: float = Field(default=1.0, ge=0.7, le=1.3)
    amplitude: float = Field(default=1.0, gt=0, le=3)
    side_difference_percent: float = Field(default=15.0, ge=0, le=40)
    crosstalk: float = Field(default=1.0, ge=0, le=3)


class AxonLoss(_Strict):
    """Share of each branch's axons that is dead on the side of the lesion, 0 to 1; nothing has grown back."""

    temporal: float = Field(default=0.0, ge=0, le=1)
    zygomatic: float = Field(default=0.0, ge=0, le=1)
    buccal: float = Field(default=0.0, ge=0, le=1)
    marginal_mandibular: float = Field(default=0.0, ge=0, le=1)
    cervical: float = Field(default=0.0, ge=0, le=1)


class Lesion(_Strict):
    """What is wrong on the side of the lesion."""

    axon_loss: AxonLoss = AxonLoss()


class Skin(_Strict):
    """What the electrodes pick up besides muscle, with good contact."""

    noise_uv: float = Field(default=1.7, ge=0, le=50)
    hum_uv: float = Field(default=0.8, ge=0, le=200)
    hum_hz: Literal[50, 60] = 50
    wander_uv: float = Field(default=4.0, ge=0, le=500)


class Patient(_Strict):
    """One simulated person: who it is, what it teaches, and the numbers behind it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    teaches: str = Field(min_length=1)
    expect: str = Field(min_length=1)
    intake: Intake
    nerve: Nerve = Nerve()
    lesion: Lesion = Lesion()
    skin: Skin = Skin()

    def answers(self, lesion_side: Side) -> dict[str, Any]:
        """The intake as the patient answers it with the lesion on `lesion_side`; JSON-safe, yes and no as booleans."""
        told = self.intake.model_dump(exclude_none=True)
        told["affected"] = {"lesion": str(lesion_side)}.get(self.intake.affected, self.intake.affected)
        told["consent"] = self.intake.consent == "yes"
        told["contraindications"] = {what: said == "yes" for what, said in told["contraindications"].items()}
        return told


def names() -> tuple[str, ...]:
    """Names of the patients that ship with the simulators."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_patient(name_or_path: str | Path) -> Patient:
    """Read a patient by name, or from a path that ends in `.toml`.

    Raises UsageError for a name or path that does not exist, ProtocolFileError (file, key path, nearest known key) for
    a file that is wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
        if str(name_or_path) not in names():
            near = difflib.get_close_matches(str(name_or_path), names(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names())}"
            raise UsageError(f"no simulated patient is called {quoted(str(name_or_path))}; {hint}")
    text = read_text(path, what="patient file", refusal=UsageError)
    try:
        data = parse_toml(text)
    except NotReadable as cause:
        raise ProtocolFileError(f"{shown_path(path)}: not a TOML file: {cause}") from cause
    try:
        return Patient.model_validate(data)
    except ValidationError as cause:
        raise ProtocolFileError(f"{shown_path(path)}: {_explained(cause)}") from cause


def _explained(error: ValidationError) -> str:
    # a misspelt key is both unknown and missing; the unknown one says more
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    where = ".".join(shortened(str(part)) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{where}: {first['msg']}"
    known = _keys_at(first["loc"][:-1])
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
    return f"{where}: unknown key; " + (f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}")


def _keys_at(place: tuple[int | str, ...]) -> tuple[str, ...]:
    model: type[BaseModel] = Patient
    for part in place:
        annotation = model.model_fields[str(part)].annotation
        models = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        model = next(kind for kind in models if issubclass(kind, BaseModel))
    return tuple(model.model_fields)
