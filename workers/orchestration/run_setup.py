"""What a run is started with, whichever launcher starts it: the engine and its `config.json`."""

from __future__ import annotations

from django.conf import settings
from django.utils.crypto import salted_hmac

from jobs.models import Job
from jobs.types import job_type
from workers.contract.atomic_files import write_json
from workers.contract.personal_data import PSEUDONYM_KEY_VARIABLE
from workers.contract.run_folder import RunFolder
from workers.contract.specs.run import RunConfig
from workers.orchestration.folders import previous_run_dirs
from workers.orchestration.launchers.base import Engine, RunRef


def run_of(job: Job) -> RunRef:
    return RunRef(job.id, job.fence, job.run_dir)


def engine_of(job: Job) -> Engine:
    """Of the current attempt."""
    known = job_type(job.kind)
    threads = str(max(1, job.cpus // job.processes))
    # Signs what only the job's own attempts may load again (optimizer shards are pickles). It is the same for
    # every attempt, is never stored, and is of no use to another job.
    secret = salted_hmac("kosha.run", job.id, secret=settings.SECRET_KEY, algorithm="sha256")
    keys = {PSEUDONYM_KEY_VARIABLE: _pseudonym_key(job)} if job_type(job.kind).makes_pseudonyms else {}
    # Of a cluster whose GPUs are given out, a job without one sees none.
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if job.cluster.gpus and not job.gpus else {}
    return Engine(
        command=("-m", known.engine, str(RunFolder(job.run_dir.resolve()).config)),
        environment={
            "KOSHA_RUN_SECRET": secret.hexdigest(),
            "PYTHONUNBUFFERED": "1",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            # A thread that spins at a barrier takes the core from the one it waits for. With other work on
            # the same cores, matrix products ran ten times slower.
            "OMP_WAIT_POLICY": "PASSIVE",
            **keys,
            **hidden,
            **known.secrets(job.spec),
        },
        processes=job.processes,
        cpus=job.cpus,
        memory_bytes=job.memory_bytes,
        gpus=job.gpus,
    )


def _pseudonym_key(job: Job) -> str:
    """The same for every job of an organization, of no use to another one, and never stored."""
    made = salted_hmac(
        "kosha.pseudonyms", job.organization_id, secret=settings.SECRET_KEY, algorithm="sha256"
    )
    return made.hexdigest()


def write_config(job: Job, engine: Engine) -> None:
    """Write `config.json` into the folder of the current attempt."""
    config = RunConfig(
        job_id=job.id,
        kind=job.kind,
        fence=job.fence,
        attempt=job.attempt,
        run_dir=job.run_dir,
        previous_run_dirs=previous_run_dirs(job),
        threads=engine.threads,
        spec=job.spec,
    )
    job.run_dir.mkdir(parents=True, exist_ok=True)
    write_json(RunFolder(job.run_dir).config, config.model_dump(mode="json"))
