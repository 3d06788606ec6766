"""A bucket of an S3-compatible server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from workers.contract.specs.sync import SECRET_VARIABLE, BucketOrigin
from workers.engines.shared.runtime import UserError
from workers.engines.sync.guarded_http import EndpointRefused, guarded_pool, refuse_address
from workers.engines.sync.origins import Chunks, Found, Passing

CHUNK = 1 << 20
DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "Forbidden")
GONE = ("NoSuchKey", "NoSuchVersion", "PreconditionFailed")
MISSING = ("NoSuchBucket", "InvalidBucketName")


class Bucket:
    def __init__(self, origin: BucketOrigin) -> None:
        self._origin = origin
        secret = os.environ.pop(SECRET_VARIABLE, "")
        if origin.access_key and not secret:
            raise UserError("secret_missing", "The secret key is not known any more. Enter it again.")
        address = urlsplit(origin.endpoint)
        if not address.hostname:
            raise _refused(origin.endpoint)
        with _worded():
            refuse_address(address.hostname, origin.allowed_hosts)
        self._client = Minio(
            address.netloc,
            access_key=origin.access_key or None,
            secret_key=secret or None,
            secure=address.scheme == "https",
            region=origin.region,
            http_client=guarded_pool(
                origin.allowed_hosts,
                timeout=Timeout(connect=10, read=60),
                # A redirect would lead to a host that nobody has allowed.
                retries=Retry(
                    total=3, redirect=False, backoff_factor=0.5, status_forcelist=(500, 502, 503, 504)
                ),
            ),
        )

    def files(self) -> Iterator[Found]:
        prefix = self._origin.prefix
        with _worded():
            for each in self._client.list_objects(self._origin.bucket, prefix=prefix or None, recursive=True):
                name = (each.object_name or "").removeprefix(prefix)
                if name and not name.endswith("/"):
                    size = each.size or 0
                    yield Found(name, size, f"{each.etag}:{size}" if each.etag else "")

    @contextmanager
    def open(self, found: Found) -> Iterator[Chunks]:
        with _worded():
            etag = found.mark.rpartition(":")[0]
            response = self._client.get_object(
                self._origin.bucket,
                self._origin.prefix + found.name,
                request_headers={"If-Match": f'"{etag}"'} if etag else None,
            )
            try:
                yield response.stream(CHUNK)
            finally:
                response.close()
                response.release_conn()


@contextmanager
def _worded() -> Iterator[None]:
    """The errors of client and network as ours; Passing for an object that is gone or was replaced."""
    try:
        yield
    except EndpointRefused as error:
        raise _refused(str(error)) from error
    except S3Error as error:
        raise _of_server(error.code or "", error) from error
    except (InvalidResponseError, ServerError) as error:
        what = type(error).__name__
        raise UserError(
            "source_refused", "The server does not answer as one for S3 does.", answer=what
        ) from error
    except (HTTPError, MinioException, OSError) as error:
        if refused := _cause(error):
            raise _refused(str(refused)) from error
        raise UserError(
            "source_unreachable",
            f"The server could not be reached, or its answer broke off ({type(error).__name__}).",
            answer=type(error).__name__,
        ) from error


def _of_server(code: str, error: S3Error) -> Exception:
    if code in GONE:
        return Passing()
    if code in DENIED:
        return UserError("access_denied", f"The server refuses the access key ({code}).", answer=code)
    if code in MISSING:
        return UserError("bucket_missing", "The bucket does not exist.")
    return UserError("source_refused", f"The server refuses the request ({code}).", answer=code)


def _refused(host: str) -> UserError:
    return UserError("endpoint_refused", f"{host} is not an address that may be read from.", host=host)


def _cause(error: BaseException | None) -> EndpointRefused | None:
    """Where urllib3 has wrapped it."""
    seen: Any = error
    while seen is not None and not isinstance(seen, EndpointRefused):
        seen = getattr(seen, "reason", None) or seen.__cause__
        seen = seen if isinstance(seen, BaseException) else None
    return seen
