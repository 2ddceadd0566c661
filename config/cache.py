"""The cache: Redis while it answers, and none while it does not."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import structlog
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError
from redis.typing import KeyT

_PAUSE_SECONDS = 5.0  # how long a server that did not answer is left alone
_log = structlog.get_logger(__name__)
_Rest = ParamSpec("_Rest")
_Answer = TypeVar("_Answer")


def _forgiving(
    method: Callable[Concatenate[Any, _Rest], _Answer], instead: _Answer
) -> Callable[Concatenate[Any, _Rest], _Answer]:
    """Answer `instead` while Redis is away."""

    @wraps(method)
    def call(
        client: "ForgivingClient", /, *arguments: _Rest.args, **named: _Rest.kwargs
    ) -> _Answer:
        if time.monotonic() < client.away_until:
            return instead
        try:
            return method(client, *arguments, **named)
        except RedisError as failure:
            client.away_until = time.monotonic() + _PAUSE_SECONDS
            _log.warning("cache.away", error=str(failure))
            return instead

    return call


class ForgivingClient(RedisCacheClient):
    """Loses what it is given and finds nothing while Redis is away; asks again after a pause."""

    away_until = 0.0
    add = _forgiving(RedisCacheClient.add, instead=True)
    set = _forgiving(RedisCacheClient.set, instead=None)
    touch = _forgiving(RedisCacheClient.touch, instead=False)
    delete = _forgiving(RedisCacheClient.delete, instead=False)
    get_many = _forgiving(RedisCacheClient.get_many, instead={})
    has_key = _forgiving(RedisCacheClient.has_key, instead=False)
    incr = _forgiving(RedisCacheClient.incr, instead=0)
    set_many = _forgiving(RedisCacheClient.set_many, instead=None)
    delete_many = _forgiving(RedisCacheClient.delete_many, instead=None)
    clear = _forgiving(RedisCacheClient.clear, instead=False)

    def get(self, key: KeyT, default: Any) -> Any:  # noqa: ANN401 - anything may be kept
        """Find a value, or give `default`."""
        return _forgiving(RedisCacheClient.get, instead=default)(self, key, default)


class ForgivingCache(RedisCache):
    """Django's Redis cache, which never fails a page."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = ForgivingClient
