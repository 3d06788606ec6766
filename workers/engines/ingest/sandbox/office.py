"""LibreOffice converts an old Office file, in a sandbox of its own: it has to start a program and to write files.

It sees its own code, fonts, and a folder in memory with the one file; no network, no other process, nothing of the
installation. Where the kernel gives no namespaces it is not started. Macros are never run: the profile that it is given
forbids them, and none of an older run is there.
"""

from __future__ import annotations

import math
import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Final

from workers.contract.media_types import DOC, PPT, XLS, MediaType
from workers.contract.spec import Spec
from workers.engines.ingest.sandbox.confinement import become_another_user
from workers.engines.ingest.sandbox.kernel import drop_capabilities, refuse_new_rights
from workers.engines.ingest.sandbox.namespaces import WORKSPACE, enter_namespaces
from workers.engines.ingest.sandbox.process import FILE, OUTPUT, Sandbox, continue_in_child, forked

FORMATS: Final[dict[MediaType, tuple[str, str]]] = {
    DOC: ("doc", "docx"),
    XLS: ("xls", "xlsx"),
    PPT: ("ppt", "pptx"),
}
"""The ending that LibreOffice is told, and the format that it makes."""
UNAVAILABLE, FAILED = 71, 65
"""Exit codes: this machine offers no such sandbox; nothing came out."""
_FOLDERS = (
    "/usr", "/bin", "/lib", "/lib64", "/etc/fonts", "/etc/libreoffice", "/etc/ld.so.cache", "/etc/alternatives",
    "/var/cache/fontconfig",
)  # fmt: skip
_RESTART = 81
"""LibreOffice asks to be started again when it has made its profile."""
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>2</value></prop></item>
</oor:items>
"""


class Conversion(Spec):
    program: Path
    """`soffice.bin`."""
    media_type: MediaType
    place: Path
    """An empty folder of the run, on which the new root is mounted."""
    address_space: int
    seconds: float
    workspace_bytes: int
    """The most that all files take which LibreOffice writes."""


def office_program() -> Path | None:
    """LibreOffice's own program, None where it is not installed."""
    script = shutil.which("soffice") or shutil.which("libreoffice")
    program = Path(script).resolve().with_name("soffice.bin") if script else None
    return program if program is not None and program.exists() else None


def start_conversion(task: Conversion, file: int) -> Sandbox:
    """What it writes is the converted file; its exit code is 0 then."""
    return forked(file, lambda: _convert(task))


def _convert(task: Conversion) -> int:
    try:
        folders = [Path(each) for each in _FOLDERS if Path(each).exists()]
        own = task.program.parents[1]
        enter_namespaces(
            [*folders, *([] if own.is_relative_to("/usr") else [own])],
            task.place,
            workspace_bytes=task.workspace_bytes,
        )
        continue_in_child()
        continue_in_child()
    except OSError:
        return UNAVAILABLE
    _limit(task)
    refuse_new_rights()
    if os.geteuid() == 0:
        become_another_user()
    drop_capabilities()
    return _run(task)


def _limit(task: Conversion) -> None:
    seconds = math.ceil(task.seconds)
    resource.setrlimit(resource.RLIMIT_AS, (task.address_space, task.address_space))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(task: Conversion) -> int:
    folder = Path(WORKSPACE)
    ending, wanted = FORMATS[task.media_type]
    source, profile = folder / f"in.{ending}", folder / "profile" / "user"
    with os.fdopen(FILE, "rb") as file, open(source, "wb") as copy:
        shutil.copyfileobj(file, copy)
    profile.mkdir(parents=True)
    (profile / "registrymodifications.xcu").write_text(_PROFILE)
    command = [
        str(task.program), "--headless", "--norestore", "--nologo", "--nolockcheck", "--nodefault",
        f"-env:UserInstallation=file://{folder}/profile", "--convert-to", wanted, "--outdir", f"{folder}/out", str(source),
    ]  # fmt: skip
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp",
                   "LD_LIBRARY_PATH": str(task.program.parent)}  # fmt: skip
    for _ in range(2):
        if subprocess.run(command, env=environment, check=False).returncode != _RESTART:
            break
    made = folder / "out" / f"in.{wanted}"
    if not made.exists():
        return FAILED
    with open(made, "rb") as result, os.fdopen(OUTPUT, "wb") as output:
        shutil.copyfileobj(result, output)
    return 0
