"""Settings: flags first, then ``PODIUM_*`` variables, then ``podium.toml``, then what stands here."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from storage import USUAL

if TYPE_CHECKING:
    from storage.archive import Archive

FILE = Path("podium.toml")
# Before a database's file that is named from the working folder.
_FILE_BELOW = re.compile(r"^(sqlite(?:\+\w+)?:///)(?=[^/:])")


def addresses(value: SecretStr) -> list[str]:
    """The addresses of a setting for Apprise: parted by white space or commas, which may stand in one as well."""
    return re.split(r"[,\s]+(?=[A-Za-z0-9+.-]+://)", value.get_secret_value().strip())


class SettingsError(Exception):
    """A setting that can't be used; one line."""


class Settings(BaseSettings):
    """Where things are kept and how the web is met."""

    model_config = SettingsConfigDict(
        env_prefix="PODIUM_", toml_file=FILE, extra="forbid", frozen=True, env_ignore_empty=True
    )

    database_url: str = Field(default=USUAL, description="SQLAlchemy address of the database")
    archive: Path = Field(default=Path("podium-data/archive"), description="folder of the WARC files")
    store: str | None = Field(
        default=None, description="address of a copy of the WARC files: what the folder lacks is read there"
    )
    sources: Path | None = Field(default=None, description="folder of further source files")
    collect: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="sources collected where none is named; all if empty"
    )
    contact: str | None = Field(default=None, description="where a site's owner can complain: e-mail or URL")
    window_days: int = Field(default=14, ge=1, le=366, description="days a night looks back at least")
    delay: float | None = Field(
        default=None, ge=0, description="seconds between requests; never below a source's"
    )
    wayback: str = Field(
        default="https://web.archive.org", description="address of the Wayback Machine, or of one like it"
    )

    @field_validator("wayback")
    @classmethod
    def _address(cls, value: str) -> str:
        """Without a slash at its end, so that paths can follow."""
        if not re.match(r"https?://[^\s/]", value):
            raise ValueError(f"not a web address: {value!r}")
        return value.rstrip("/")

    timeout: float = Field(
        default=60.0, gt=0, le=600, description="seconds that one response may take, to its last byte"
    )

    dask: str | None = Field(
        default=None, description="address of a Dask scheduler that runs the shards of a re-extraction"
    )

    alarm: SecretStr | None = Field(
        default=None, description="who is told of a night that went wrong: addresses for Apprise"
    )

    @field_validator("alarm")
    @classmethod
    def _known(cls, value: SecretStr | None) -> SecretStr | None:
        """Apprise knows what to do with each; what it says of one that it doesn't know may hold a password."""
        if value is None:
            return None
        from apprise import Apprise

        logger = logging.getLogger("apprise")
        was, logger.disabled = logger.disabled, True
        try:
            good = all(Apprise().add(each) for each in addresses(value))
        finally:
            logger.disabled = was
        if not good:
            raise ValueError(
                "not addresses that Apprise knows, such as mailto://user:password@example.org or json://host/path"
            )
        return value

    chromium: Path | None = Field(
        default=None, description="the browser of sources that need one; found on PATH if none"
    )

    @field_validator("collect", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        """In a variable they are parted by commas."""
        return (
            [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names them
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, variables, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def warcs(self) -> Archive:
        """The archive's files."""
        from storage.archive import Archive

        return Archive(self.archive, self.store)

    def require_archive(self) -> None:
        """See that there is anything to read: the folder, or a copy of it.

        Raises:
            SettingsError: there is neither.
        """
        if self.store is None and not self.archive.is_dir():
            raise SettingsError(
                f"{self.archive}: there is no archive here; say in PODIUM_ARCHIVE where it is"
            )

    def environment(self) -> dict[str, str]:
        """The variables that give another process these settings, wherever it runs.

        Without `alarm`: the server holds it, and no run needs to know.
        """
        out = {
            f"PODIUM_{name.upper()}": _told(value)
            for name, value in self
            if name != "alarm" and value not in (None, "", ())
        }
        out["PODIUM_DATABASE_URL"] = _FILE_BELOW.sub(
            lambda found: f"{found[1]}{Path.cwd()}/", self.database_url
        )
        if self.store and "://" not in self.store:
            out["PODIUM_STORE"] = str(Path(self.store).absolute())
        return out


def _told(value: object) -> str:
    """A setting as a variable has it, which says the same in any folder."""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value.absolute() if isinstance(value, Path) else value)


def load_settings(**flags: object) -> Settings:
    """The settings in force; a flag that is None was not given.

    Raises:
        SettingsError: a value is wrong, or ``podium.toml`` can't be read.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(str(step) for step in first["loc"])
        raise SettingsError(f"setting {name}: {first['msg']}") from problem
    except ValueError as problem:  # tomllib's error is one
        raise SettingsError(f"{FILE}: {problem}") from problem
