"""The services of Kosha's stack, and the order in which they start and stop.

    PostgreSQL, Valkey  ->  migrations  ->  worker, beat, fork server, model server, web

With `DATABASE_URL`, `REDIS_URL` or `KOSHA_MODEL_SERVER_URL` set, what they name is used instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg

from config.env import ROOT, Environment, model_roots, model_server_token
from stack import probes
from stack.leftovers import STACK_VARIABLE, empty, end_all, remove_drafts, servers_in, services_of
from stack.processes import guarded, port_is_free
from stack.servers import HOST, EmbeddedPostgres, EmbeddedServer, EmbeddedValkey, service_of
from stack.service import Backoff, LivenessProbe, Service
from stack.state import port_for
from stack.supervisor import SETTLED, ServiceNotReady, Supervisor
from workers.contract import fork_server, liveness
from workers.contract.atomic_files import PRIVATE, write_json

# Together below the fifteen seconds after which a service manager kills. Web and model server end while the engines do.
STOP_SCHEDULING_SECONDS = 3.0
STOP_ENGINES_SECONDS = 6.0
STOP_ANSWERING_SECONDS = 5.0
STOP_SERVERS_SECONDS = 3.0

MODEL_SERVER = "model-server"
FORK_SERVER = "fork-server"
SCHEDULING = ("beat", "worker", FORK_SERVER)
"""They could start an engine again."""
ANSWERING = ("web", MODEL_SERVER)
SERVERS = ("valkey", "postgres")


class PortTaken(RuntimeError):
    """Another program listens on the port of the web."""


class Stack:
    """One installation, running in the foreground of the process that made it."""

    def __init__(self, env: Environment, *, echo: Callable[[str], None]) -> None:
        self._env = env
        self._echo = echo
        self._state = "starting"
        self._server_folders = [env.var / name for name in SERVERS]
        self._database_url = env.database_url or ""
        self._redis_url = env.redis_url or ""
        self._model_server_url = env.model_server_url or ""
        # `0.0.0.0` stands for all addresses of the machine; this process connects to the loopback address.
        self._host = HOST if env.host in ("0.0.0.0", "") else env.host  # noqa: S104 - compared, not bound
        self._port = env.port
        self.supervisor = Supervisor(env.var / "logs", ROOT, echo=echo, on_change=self._write_state)

    @property
    def base_url(self) -> str:
        return f"http://{self._host}:{self._port}"

    # -- up -----------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start everything; returns when each service answers, or has failed too often to be waited for.

        Most trouble ends by itself: a full disk is emptied, a database elsewhere comes back. So the start goes on
        trying, and raises only what a person must decide.
        """
        var = self._env.var
        # We hold the lock of `var/`, so no other `up` uses these processes and files.
        if end_all(lambda: [*services_of(var), *servers_in(*self._server_folders)]):
            self._echo("ended processes that an earlier start had left")
        remove_drafts(var)
        self._port = self._env.port or port_for(var, "web")
        if not port_is_free(self._port, self._env.host):
            raise PortTaken(
                f"Another program listens on {self._env.host}:{self._port}; stop it or set KOSHA_PORT."
            )
        for name in ("storage", "models", "logs", "uploads", liveness.FOLDER):
            (var / name).mkdir(parents=True, exist_ok=True)
            (var / name).chmod(0o700)
        for name in liveness.FILES:
            (var / liveness.FOLDER / name).touch()
        self._start_servers()
        self._migrate()
        services = self.services()
        for service in services:
            self.supervisor.start(service)
        for service in services:
            self.supervisor.wait(service.name, SETTLED)
        self._state = "running"
        self.supervisor.note_change()

    def _start_servers(self) -> None:
        var = self._env.var
        embedded: list[EmbeddedServer] = []
        if not self._env.database_url:
            embedded.append(EmbeddedPostgres(var / "postgres", port_for(var, "postgres")))
            self._database_url = embedded[-1].url
        if not self._env.redis_url:
            embedded.append(EmbeddedValkey(var / "valkey", port_for(var, "valkey")))
            self._redis_url = embedded[-1].url
        for server in embedded:
            self.supervisor.start(service_of(server))
        for server in embedded:
            while True:
                self.supervisor.wait(server.name)
                try:
                    server.after_start()
                    break
                except psycopg.OperationalError:
                    # It has just ended again, and is being restarted.
                    self.supervisor.pause(1)
            self._echo(f"{server.name} answers on {HOST}:{server.port}")

    def _migrate(self) -> None:
        self._echo("updating the database")
        command = guarded([sys.executable, ROOT / "manage.py", "migrate", "--noinput", "--skip-checks"])
        failures = 0
        while True:
            try:
                self.supervisor.run_once("migrate", command, self._environment())
                return
            except ServiceNotReady as error:
                failures += 1
                delay = Backoff().delay(failures)
                self._echo(f"{error}; next try in {delay:g} s")
                self.supervisor.pause(delay)

    # -- the services -------------------------------------------------------------------------------
    def services(self) -> list[Service]:
        var = self._env.var
        folder = var / liveness.FOLDER
        model_server = []
        if not self._env.model_server_url:
            port = self._env.model_server_port or port_for(var, MODEL_SERVER)
            self._model_server_url = f"http://{HOST}:{port}"
            model_server = [self._model_server(port)]
        worker_starts, beat_starts = (
            probes.Touched(folder / name) for name in (liveness.WORKER, liveness.BEAT)
        )
        celery = [sys.executable, "-m", "celery", "-A", "workers.orchestration.app"]
        # Two forked children: tasks are short and wait for the database, and only a child process can be ended at its
        # time limit (a thread cannot).
        pool = ["--pool=prefork", "--concurrency=2", "--max-tasks-per-child=1000"]
        worker = [*celery, "worker", *pool, "--loglevel=INFO", "--without-gossip", "--without-mingle"]
        beat = [*celery, "beat", "--pidfile=", "--loglevel=WARNING"]
        return [
            Service(
                "worker",
                lambda: guarded(worker),
                worker_starts,
                self._environment(),
                prepare=worker_starts.reset,
                probes=lambda: probes.worker_probes(folder, self._redis_url),
            ),
            Service(
                "beat",
                lambda: guarded(beat),
                beat_starts,
                self._environment(),
                prepare=beat_starts.reset,
                probes=lambda: [LivenessProbe(probes.Touched(folder / liveness.BEAT))],
            ),
            self._fork_server(),
            *model_server,
            self.web(),
        ]

    def _fork_server(self) -> Service:
        """Nothing waits for it: without it engines start more slowly."""
        command = [sys.executable, "-m", fork_server.MODULE, str(self._env.var)]
        touched = probes.Touched(self._env.var / liveness.FOLDER / liveness.FORK_SERVER)
        return Service(
            FORK_SERVER,
            lambda: guarded(command),
            lambda: True,
            {**_inherited(), STACK_VARIABLE: str(self._env.var), "PYTHONPATH": str(ROOT)},
            # It touches the file between two libraries, and one takes long on a busy machine.
            probes=lambda: [LivenessProbe(touched, every=10, failures=12)],
        )

    def _model_server(self, port: int) -> Service:
        command = [sys.executable, "-m", "workers.engines.serving", "--port", str(port)]
        roots = [self._env.var / "storage", *model_roots(self._env)]
        return Service(
            MODEL_SERVER,
            lambda: guarded(command),
            lambda: probes.accepts_connections(port),
            # It is given neither the database nor the signing key.
            {
                **_inherited("DATABASE_URL", "REDIS_URL", "KOSHA_SECRET_KEY", "DJANGO_SETTINGS_MODULE"),
                STACK_VARIABLE: str(self._env.var),
                "PYTHONPATH": str(ROOT),
                "KOSHA_MODEL_ROOTS": os.pathsep.join(str(root) for root in roots),
                "KOSHA_MODEL_SERVER_TOKEN": model_server_token(self._env),
            },
            # While libraries and models are loaded the interpreter may be held for long.
            probes=lambda: [
                LivenessProbe(lambda: probes.http_status(HOST, port, "/health") is not None, failures=24)
            ],
        )

    def web(self) -> Service:
        command = [
            *(sys.executable, "-m", "uvicorn", "config.asgi:application"),
            *("--host", self._env.host, "--port", str(self._port)),
            *("--lifespan", "on", "--no-server-header", "--log-level", "warning"),
            *("--http", "middleware.http_protocol:BoundedHead"),
            # Open event streams would delay a restart without end.
            *("--timeout-graceful-shutdown", "3"),
            # Longer than clients keep theirs (httpx, and so `openai`, 5 s; proxies a minute): the side that sends must
            # close first, or a request meets a connection that was just closed.
            *("--timeout-keep-alive", "75"),
            "--proxy-headers" if self._env.behind_proxy else "--no-proxy-headers",
        ]
        status = partial(probes.http_status, self._host, self._port, "/healthz")
        return Service(
            "web",
            lambda: guarded(command),
            # A refusal will do: the host name that is used here may be one that is not allowed outside.
            lambda: (status() or 500) < 500,
            {**self._environment(), "KOSHA_PROCESS": "web"},
            # Request bodies are spooled there; those of a web that was killed are of no use.
            prepare=lambda: empty(self._env.var / "uploads"),
            probes=lambda: [LivenessProbe(lambda: status() is not None)],
        )

    def _environment(self) -> dict[str, str]:
        return {
            **_inherited(),
            STACK_VARIABLE: str(self._env.var),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "KOSHA_VAR": str(self._env.var),
            "DATABASE_URL": self._database_url,
            "REDIS_URL": self._redis_url,
            "KOSHA_MODEL_SERVER_URL": self._model_server_url,
        }

    # -- down -----------------------------------------------------------------------------------------
    def stop(self) -> None:
        """First what asks for work, then the engines, then the servers they write to."""
        self._state = "stopping"
        began = time.monotonic()
        self.supervisor.request_end([*SCHEDULING, *ANSWERING])
        self.supervisor.stop(SCHEDULING, STOP_SCHEDULING_SECONDS)
        # The engines of this machine; their jobs continue at the next `up`. A process of its own stops them: the module
        # that knows the local launcher stands above this package.
        stop_runs = [sys.executable, "-m", "workers.orchestration.launchers.local.stop_runs"]
        options = ["--runs", str(self._env.var / "storage" / "runs"), "--seconds", str(STOP_ENGINES_SECONDS)]
        subprocess.run([*stop_runs, *options], cwd=ROOT, check=False)
        self.supervisor.stop(ANSWERING, max(0.0, STOP_ANSWERING_SECONDS - (time.monotonic() - began)))
        self.supervisor.stop(SERVERS, STOP_SERVERS_SECONDS)
        end_all(lambda: servers_in(*self._server_folders), end_seconds=0)
        self._state = "stopped"
        self.supervisor.note_change()

    def _write_state(self) -> None:
        facts = {
            "state": self._state,
            "pid": os.getpid(),
            "base_url": self.base_url,
            "database_url": self._database_url,
            "redis_url": self._redis_url,
            "model_server_url": self._model_server_url,
            "services": self.supervisor.facts(),
        }
        # Addresses of servers contain passwords.
        write_json(self._env.var / "stack.json", facts, mode=PRIVATE)


def _inherited(*withheld: str) -> dict[str, str]:
    """Our environment without `withheld`, for Python processes.

    Compiled modules are kept: each engine is a process of its own, and compiling its libraries again would take ten
    seconds at every start. Engines build DeepSpeed's extensions with the `ninja` beside this interpreter.
    """
    dropped = {*withheld, "PYTHONDONTWRITEBYTECODE"}
    return {
        **{name: value for name, value in os.environ.items() if name not in dropped},
        "PYTHONUNBUFFERED": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HF_HUB_OFFLINE": "1",
    }
