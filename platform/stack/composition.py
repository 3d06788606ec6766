"""What Kosha's stack consists of, in which order it comes up and goes down.

    PostgreSQL, Valkey  ->  migrations  ->  worker, beat, model server, web

With `DATABASE_URL`, `REDIS_URL` or `KOSHA_MODEL_SERVER_URL` set, what they name is used instead.
"""

from __future__ import annotations

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from config.env import ROOT, Environment, model_roots, model_server_token
from stack.processes import answers, guarded, port_is_free
from stack.servers import EmbeddedPostgres, EmbeddedServer, EmbeddedValkey
from stack.state import port_for, write_json
from stack.supervisor import Service, Supervisor

SERVER_SECONDS = 60.0
PROCESS_SECONDS = 120.0
"""Imports on a cold disk may be slow; a process that dies is seen at once anyway."""

# Together below the fifteen seconds after which a service manager loses patience.
STOP_PROCESSES_SECONDS = 5.0
STOP_ENGINES_SECONDS = 5.0
STOP_SERVERS_SECONDS = 3.0

MODEL_SERVER = "model-server"
PROCESSES = ("web", "beat", "worker", MODEL_SERVER)
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
        self._port = env.port or port_for(env.var, "web")
        self.supervisor = Supervisor(env.var / "logs", ROOT, say=say, changed=self._write_state)

    @property
    def base_url(self) -> str:
        return f"http://{_reachable(self._env.host)}:{self._port}"

    # -- up -----------------------------------------------------------------------------------------
    def start(self) -> None:
        """Bring everything up; returns when it answers."""
        if not port_is_free(self._port, self._env.host):
            raise PortTaken(
                f"Another program listens on {self._env.host}:{self._port}; stop it or set KOSHA_PORT."
            )
        self._make_folders()
        self._start_servers()
        self._say("bringing the database up to date")
        self.supervisor.run_once("migrate", self._manage("migrate", "--noinput"), self._environment())
        services = self._processes()
        for service in services:
            self.supervisor.start(service)
        for service in services:
            self.supervisor.wait_ready(service.name, PROCESS_SECONDS)
        self._state = "running"
        self._write_state()

    def _make_folders(self) -> None:
        for name in ("storage", "models", "logs", "uploads", "beat"):
            folder = self._env.var / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)

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
            self.supervisor.wait_ready(server.name, SERVER_SECONDS)
            server.after_start()
            self._say(f"{server.name} answers on 127.0.0.1:{server.port}")

    def _processes(self) -> list[Service]:
        services = [self._worker(), self._beat()]
        if not self._env.model_server_url:
            services.append(self._model_server())
        return [*services, self._web()]

    def _worker(self) -> Service:
        # Two forked children: tasks are short and wait for the database, and only a child of its
        # own can be ended at its time limit (threads cannot).
        command = _python("celery", "-A", "workers.tasks.app", "worker", "--pool=prefork", "--concurrency=2")
        options = ["--loglevel=INFO", "--without-gossip", "--without-mingle", "--max-tasks-per-child=1000"]
        return Service("worker", lambda: guarded([*command, *options]), _always, self._environment())

    def _beat(self) -> Service:
        schedule = self._env.var / "beat" / "schedule"
        command = _python(
            "celery", "-A", "workers.tasks.app", "beat", "--schedule", str(schedule), "--pidfile="
        )
        return Service(
            "beat", lambda: guarded([*command, "--loglevel=WARNING"]), _always, self._environment()
        )

    def _model_server(self) -> Service:
        port = self._env.model_server_port or port_for(self._env.var, MODEL_SERVER)
        self._model_server_url = f"http://127.0.0.1:{port}"
        command = _python("workers.serve", "--port", str(port))
        return Service(
            MODEL_SERVER,
            lambda: guarded(command),
            lambda: answers(port),
            self._model_server_environment(),
        )

    def _web(self) -> Service:
        command = _python("uvicorn", "config.asgi:application", "--host", self._env.host)
        options = [
            *("--port", str(self._port), "--lifespan", "off", "--no-server-header", "--log-level", "warning"),
            # Open event streams would hold a restart up for ever.
            *("--timeout-graceful-shutdown", "3"),
            "--proxy-headers" if self._env.behind_proxy else "--no-proxy-headers",
        ]
        environment = {**self._environment(), "KOSHA_PROCESS": "web"}
        return Service(
            "web",
            lambda: guarded([*command, *options]),
            lambda: _is_healthy(f"{self.base_url}/healthz"),
            environment,
        )

    def _manage(self, *arguments: str) -> list[str]:
        return guarded([sys.executable, ROOT / "manage.py", *arguments])

    # -- environments ---------------------------------------------------------------------------------
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
            "PYTHONUNBUFFERED": "1",
            "PATH": self._path(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "KOSHA_VAR": str(self._env.var),
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
        withheld = ("DATABASE_URL", "REDIS_URL", "KOSHA_SECRET_KEY", "DJANGO_SETTINGS_MODULE")
        return {
            **{name: value for name, value in os.environ.items() if name not in withheld},
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PATH": self._path(),
            "KOSHA_MODEL_ROOTS": os.pathsep.join(str(root) for root in roots),
            "KOSHA_MODEL_SERVER_TOKEN": model_server_token(self._env),
            "HF_HUB_OFFLINE": "1",
        }

    # -- down -----------------------------------------------------------------------------------------
    def stop(self) -> None:
        """Whatever asks for work first, then the engines at work, then the servers they wrote to."""
        self._state = "stopping"
        self.supervisor.stop(PROCESSES, STOP_PROCESSES_SECONDS)
        stop_engines(self._env.var / "storage" / "runs")
        self.supervisor.stop(SERVERS, STOP_SERVERS_SECONDS)
        self._state = "stopped"
        self._write_state()

    def _write_state(self) -> None:
        write_json(
            self._env.var / "stack.json",
            {
                "state": self._state,
                "pid": os.getpid(),
                "base_url": self.base_url,
                "database_url": self._database_url,
                "redis_url": self._redis_url,
                "model_server_url": self._model_server_url,
                "services": self.supervisor.facts(),
            },
        )


def stop_engines(runs_root: Path) -> None:
    """Stop the engines that were started on this machine; their jobs go on at the next `up`."""
    from workers.tasks.launchers import local

    local.stop_all(runs_root, STOP_ENGINES_SECONDS)


def _server_service(server: EmbeddedServer) -> Service:
    # PostgreSQL ends sessions on SIGINT and waits for them on SIGTERM.
    number = signal.SIGINT if isinstance(server, EmbeddedPostgres) else signal.SIGTERM
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}
    return Service(
        server.name, server.command, server.is_ready, environment, prepare=server.prepare, stop_signal=number
    )


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _always() -> bool:
    """For processes that listen nowhere: being alive is being ready."""
    return True


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "") else host  # noqa: S104 - compared, not bound
