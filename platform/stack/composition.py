"""What Kosha's stack consists of, in which order it comes up and goes down.

    PostgreSQL, Valkey  ->  migrations  ->  worker, beat, model server, web

With `DATABASE_URL`, `REDIS_URL` or `KOSHA_MODEL_SERVER_URL` set, what they name is used instead.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

from config.env import ROOT, Environment, model_roots, model_server_token
from stack import probes
from stack.leftovers import STACK_VARIABLE, empty, end_all, remove_drafts, servers_in, services_of
from stack.processes import answers, guarded, port_is_free
from stack.restarts import Backoff
from stack.servers import HOST, EmbeddedPostgres, EmbeddedServer, EmbeddedValkey
from stack.service import Service
from stack.state import port_for
from stack.supervisor import ServiceNotReady, Supervisor
from stack.watch import Probe
from workers.contract.atomic_files import PRIVATE, write_json
from workers.contract.process_identity import Identity

# Together below the fifteen seconds after which a service manager loses patience. Web and model
# server end while the engines do.
STOP_ERRANDS_SECONDS = 3.0
STOP_ENGINES_SECONDS = 6.0
STOP_ANSWERING_SECONDS = 5.0
STOP_SERVERS_SECONDS = 3.0

MODEL_SERVER = "model-server"
ERRANDS = ("beat", "worker")
"""Who would start an engine again."""
ANSWERING = ("web", MODEL_SERVER)
SERVERS = ("valkey", "postgres")


class PortTaken(RuntimeError):
    """Another program listens where the web shall."""


class Stack:
    """One installation, running in the foreground of the process that made it."""

    def __init__(self, env: Environment, *, say: Callable[[str], None]) -> None:
        self._env = env
        self._say = say
        self._state = "starting"
        self._database_url = env.database_url or ""
        self._redis_url = env.redis_url or ""
        self._model_server_url = env.model_server_url or ""
        self._port = env.port
        self.supervisor = Supervisor(env.var / "logs", ROOT, say=say, changed=self._write_state)

    @property
    def base_url(self) -> str:
        return f"http://{_reachable(self._env.host)}:{self._port}"

    # -- up -----------------------------------------------------------------------------------------
    def start(self) -> None:
        """Bring everything up; returns when it answers, or when what does not has been tried often.

        Trouble is no reason to give up: nobody may be there, and a full disk is emptied, a database
        elsewhere comes back. Only what a person must decide raises.
        """
        self._clear_away()
        self._port = self._env.port or port_for(self._env.var, "web")
        if not port_is_free(self._port, self._env.host):
            raise PortTaken(
                f"Another program listens on {self._env.host}:{self._port}; stop it or set KOSHA_PORT."
            )
        self._make_folders()
        self._start_servers()
        self._migrate()
        services = self._processes()
        for service in services:
            self.supervisor.start(service)
        for service in services:
            self.supervisor.wait_settled(service.name)
        self._state = "running"
        self.supervisor.tell()

    def _clear_away(self) -> None:
        """Whatever an `up` that was killed left on this `var/`; we hold its lock, so nobody else's."""
        var = self._env.var
        if end_all(lambda: [*services_of(var), *self._servers_left()]):
            self._say("ended what an earlier start had left behind")
        remove_drafts(var)

    def _servers_left(self) -> list[Identity]:
        return [left for name in SERVERS for left in servers_in(self._env.var / name)]

    def _migrate(self) -> None:
        self._say("bringing the database up to date")
        command = self._manage("migrate", "--noinput", "--skip-checks")
        failures = 0
        while True:
            try:
                self.supervisor.run_once("migrate", command, self._environment())
                return
            except ServiceNotReady as error:
                failures += 1
                delay = Backoff().delay(failures)
                self._say(f"{error}; next try in {delay:g} s")
                self.supervisor.pause(delay)

    def _make_folders(self) -> None:
        for name in ("storage", "models", "logs", "uploads", "beacons"):
            folder = self._env.var / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        for name in (probes.WORKER, probes.BEAT, probes.TASKS):
            (self._beacons / name).touch()

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
            self.supervisor.start(_server_service(server))
        for server in embedded:
            self._finish_start(server)
            self._say(f"{server.name} answers on 127.0.0.1:{server.port}")

    def _finish_start(self, server: EmbeddedServer) -> None:
        while True:
            self.supervisor.wait_ready(server.name)
            try:
                server.after_start()
                return
            except psycopg.OperationalError:
                # It went away again just now; it is being started again.
                self.supervisor.pause(1)

    def _processes(self) -> list[Service]:
        services = [self._worker(), self._beat()]
        if not self._env.model_server_url:
            services.append(self._model_server())
        return [*services, self._web()]

    def _worker(self) -> Service:
        # Two forked children: tasks are short and wait for the database, and only a child of its
        # own can be ended at its time limit (threads cannot).
        command = _python(
            "celery", "-A", "workers.orchestration.app", "worker", "--pool=prefork", "--concurrency=2"
        )
        options = ["--loglevel=INFO", "--without-gossip", "--without-mingle", "--max-tasks-per-child=1000"]
        begins = probes.Moved(self._beacons / probes.WORKER)
        return Service(
            "worker",
            lambda: guarded([*command, *options]),
            begins,
            self._environment(),
            prepare=begins.reset,
            probes=lambda: probes.worker_probes(self._beacons, self._redis_url),
        )

    def _beat(self) -> Service:
        command = _python(
            "celery", "-A", "workers.orchestration.app", "beat", "--pidfile=", "--loglevel=WARNING"
        )
        begins = probes.Moved(self._beacons / probes.BEAT)
        return Service(
            "beat",
            lambda: guarded(command),
            begins,
            self._environment(),
            prepare=begins.reset,
            probes=lambda: [probes.beat_probe(self._beacons)],
        )

    @property
    def _beacons(self) -> Path:
        return self._env.var / "beacons"

    def _model_server(self) -> Service:
        port = self._env.model_server_port or port_for(self._env.var, MODEL_SERVER)
        self._model_server_url = f"http://127.0.0.1:{port}"
        command = _python("workers.engines.serving", "--port", str(port))
        return Service(
            MODEL_SERVER,
            lambda: guarded(command),
            lambda: answers(port),
            self._model_server_environment(),
            # While libraries and models are loaded the interpreter may be held for long.
            probes=lambda: [probes.http_probe(HOST, port, "/health", failures=24)],
        )

    def _web(self) -> Service:
        command = _python("uvicorn", "config.asgi:application", "--host", self._env.host)
        options = [
            *("--port", str(self._port), "--lifespan", "on", "--no-server-header", "--log-level", "warning"),
            # Open event streams would hold a restart up for ever.
            *("--timeout-graceful-shutdown", "3"),
            # Longer than clients keep theirs (httpx, and so `openai`, 5 s; proxies a minute): whoever
            # closes first must be the one that sends, or a request meets a connection just closed.
            *("--timeout-keep-alive", "75"),
            "--proxy-headers" if self._env.behind_proxy else "--no-proxy-headers",
        ]
        environment = {**self._environment(), "KOSHA_PROCESS": "web"}
        host = _reachable(self._env.host)
        return Service(
            "web",
            lambda: guarded([*command, *options]),
            lambda: probes.http_is_served(host, self._port, "/healthz"),
            environment,
            # Request bodies are spooled there; those of a web that was killed are nobody's.
            prepare=lambda: empty(self._env.var / "uploads"),
            probes=lambda: [probes.http_probe(host, self._port, "/healthz")],
        )

    def _manage(self, *arguments: str) -> list[str]:
        return guarded([sys.executable, ROOT / "manage.py", *arguments])

    # -- environments ---------------------------------------------------------------------------------
    def _environment(self) -> dict[str, str]:
        return {
            **_inherited(),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
            "PYTHONUNBUFFERED": "1",
            "PATH": self._path(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "KOSHA_VAR": str(self._env.var),
            STACK_VARIABLE: str(self._env.var),
            "DATABASE_URL": self._database_url,
            "REDIS_URL": self._redis_url,
            "KOSHA_MODEL_SERVER_URL": self._model_server_url,
            "HF_HUB_OFFLINE": "1",
        }

    def _path(self) -> str:
        # Engines build DeepSpeed's extensions with the `ninja` beside this interpreter.
        return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

    def _model_server_environment(self) -> Mapping[str, str]:
        """What the model server needs; it is given neither the database nor the signing key."""
        roots = [self._env.var / "storage", *model_roots(self._env)]
        return {
            **_inherited("DATABASE_URL", "REDIS_URL", "KOSHA_SECRET_KEY", "DJANGO_SETTINGS_MODULE"),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PATH": self._path(),
            STACK_VARIABLE: str(self._env.var),
            "KOSHA_MODEL_ROOTS": os.pathsep.join(str(root) for root in roots),
            "KOSHA_MODEL_SERVER_TOKEN": model_server_token(self._env),
            "HF_HUB_OFFLINE": "1",
        }

    # -- down -----------------------------------------------------------------------------------------
    def stop(self) -> None:
        """Whatever asks for work first, then the engines at work, then the servers they wrote to."""
        self._state = "stopping"
        began = time.monotonic()
        self.supervisor.ask([*ERRANDS, *ANSWERING])
        self.supervisor.stop(ERRANDS, STOP_ERRANDS_SECONDS)
        stop_engines(self._env.var / "storage" / "runs")
        self.supervisor.stop(ANSWERING, max(0.0, STOP_ANSWERING_SECONDS - (time.monotonic() - began)))
        self.supervisor.stop(SERVERS, STOP_SERVERS_SECONDS)
        end_all(self._servers_left, ask_seconds=0)
        self._state = "stopped"
        self.supervisor.tell()

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
        # Addresses of servers hold passwords.
        write_json(self._env.var / "stack.json", facts, mode=PRIVATE)


def stop_engines(runs_root: Path) -> None:
    """Stop the engines that were started on this machine; their jobs go on at the next `up`."""
    arguments = ["--runs", str(runs_root), "--seconds", str(STOP_ENGINES_SECONDS)]
    # A process of its own: what knows the local launcher stands above this package.
    subprocess.run(
        _python("workers.orchestration.launchers.local.stop_runs", *arguments), cwd=ROOT, check=False
    )


def _server_service(server: EmbeddedServer) -> Service:
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}
    if isinstance(server, EmbeddedPostgres):
        return Service(
            server.name,
            server.command,
            server.is_ready,
            environment,
            prepare=server.prepare,
            probes=lambda: [probes.postgres_probe(HOST, server.port)],
            # It ends sessions on SIGINT and waits for them on SIGTERM.
            stop_signal=signal.SIGINT,
            end_seconds=60,
        )
    return Service(
        server.name,
        server.command,
        server.is_ready,
        environment,
        prepare=server.prepare,
        # It keeps nothing, so there is little to wait for.
        probes=lambda: [Probe(lambda: probes.valkey_answers(server.url), failures=6)],
    )


def _inherited(*withheld: str) -> dict[str, str]:
    """Our environment without what is named, and with compiled modules kept: each engine is a process
    of its own, and compiling its libraries again would cost it ten seconds at every start."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in (*withheld, "PYTHONDONTWRITEBYTECODE")
    }


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "") else host  # noqa: S104 - compared, not bound
