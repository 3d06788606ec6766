"""The word and the tone of every state, the same on all pages.

Tones: `good` done well, `busy` moving by itself, `warn` stands still or needs a look, `bad` failed,
`wait` waits for a person, `still` neither.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from jobs.types import find_job_type


class State(NamedTuple):
    tone: str
    label: str | Promise


STATES: dict[str, State] = {
    # jobs, and rows that show the state of their job
    "queued": State("still", pgettext_lazy("state", "Queued")),
    "starting": State("busy", pgettext_lazy("state", "Starting")),
    "running": State("busy", pgettext_lazy("state", "Running")),
    "pausing": State("busy", pgettext_lazy("state", "Pausing")),
    "paused": State("warn", pgettext_lazy("state", "Paused")),
    "cancelling": State("busy", pgettext_lazy("state", "Cancelling")),
    "succeeded": State("good", pgettext_lazy("state", "Succeeded")),
    "failed": State("bad", pgettext_lazy("state", "Failed")),
    "cancelled": State("still", pgettext_lazy("state", "Cancelled")),
    # documents, dataset versions, index builds
    "pending": State("still", pgettext_lazy("state", "Pending")),
    "uploading": State("busy", pgettext_lazy("state", "Uploading")),
    "processing": State("busy", pgettext_lazy("state", "Processing")),
    "reading": State("busy", pgettext_lazy("state", "Being read")),
    "building": State("busy", pgettext_lazy("state", "Building")),
    "ready": State("good", pgettext_lazy("state", "Ready")),
    "uploaded": State("still", pgettext_lazy("state", "Waiting to be read")),
    "processed": State("good", pgettext_lazy("state", "Read")),
    "error": State("bad", pgettext_lazy("state", "Could not be read")),
    "comparing": State("busy", pgettext_lazy("state", "Comparing")),
    "applying": State("busy", pgettext_lazy("state", "Taking files")),
    "unpacking": State("busy", pgettext_lazy("state", "Being unpacked")),
    "unpacked": State("good", pgettext_lazy("state", "Unpacked")),
    "completed": State("good", pgettext_lazy("state", "Completed")),
    "empty": State("warn", pgettext_lazy("state", "Empty")),
    "deleted": State("still", pgettext_lazy("state", "Deleted")),
    # gates
    "passed": State("good", pgettext_lazy("state", "Passed")),
    "not_passed": State("bad", pgettext_lazy("state", "Not passed")),
    "inconclusive": State("warn", pgettext_lazy("state", "Inconclusive")),
    "not_measured": State("still", pgettext_lazy("state", "Not measured")),
    # releases and deployments
    "draft": State("still", pgettext_lazy("state", "Draft")),
    "candidate": State("wait", pgettext_lazy("state", "Waiting for approval")),
    "approved": State("good", pgettext_lazy("state", "Approved")),
    "rejected": State("bad", pgettext_lazy("state", "Rejected")),
    "published": State("good", pgettext_lazy("state", "Published")),
    "superseded": State("still", pgettext_lazy("state", "Superseded")),
    "rolled_back": State("warn", pgettext_lazy("state", "Rolled back")),
    "withdrawn": State("warn", pgettext_lazy("state", "Out of service")),
    "retired": State("still", pgettext_lazy("state", "Retired")),
    # schedules, keys, members, clusters
    "active": State("good", pgettext_lazy("state", "Active")),
    "inactive": State("still", pgettext_lazy("state", "Inactive")),
    "revoked": State("still", pgettext_lazy("state", "Revoked")),
    "expired": State("warn", pgettext_lazy("state", "Expired")),
    "online": State("good", pgettext_lazy("state", "Online")),
    "offline": State("bad", pgettext_lazy("state", "Offline")),
    # parts of the installation, and its processes
    "ok": State("good", pgettext_lazy("state", "Works")),
    "degraded": State("warn", pgettext_lazy("state", "Limited")),
    "down": State("bad", pgettext_lazy("state", "Down")),
    "unknown": State("still", pgettext_lazy("state", "Unknown")),
    "not_seen_yet": State("still", pgettext_lazy("state", "Not seen yet")),
    "none": State("still", pgettext_lazy("state", "None")),
    "waiting": State("warn", pgettext_lazy("state", "About to restart")),
    "failing": State("bad", pgettext_lazy("state", "Failing")),
    "unresponsive": State("bad", pgettext_lazy("state", "Not responding")),
    # pipeline runs and their stages
    "release": State("busy", pgettext_lazy("state", "Preparing the release")),
    "done": State("good", pgettext_lazy("state", "Done")),
    "skipped": State("still", pgettext_lazy("state", "Nothing new")),
}


def state_of(value: str) -> State:
    """The tone and word of a state. One that is not in the table shows itself, in no colour.

    A stage of a pipeline that runs a job is in the state that its type of job names.
    """
    if known := find_job_type(value):
        return State("busy", known.busy_label)
    return STATES.get(value) or State("still", value.replace("_", " "))
