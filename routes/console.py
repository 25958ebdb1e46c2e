"""The console: pages under ``/console`` on which people see the cutover and change it. They work without scripts as well."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.admin.access import Access, end_session, set_session
from app.admin.changes import RefusedError, apply
from app.admin.confirming import FIELDS, confirm, read_wish
from app.admin.credentials import Means, Person
from app.admin.drawing import calls_chart
from app.admin.guarding import read_form, same_origin
from app.admin.pages import ASSET_HEADERS, PAGE_HEADERS, Pages
from app.admin.problems import AdminError, Kind
from app.admin.sources import Sources
from app.admin.views.cutover import Cutover, show_audit, show_cutover
from app.admin.views.differences import field_row, show_differences
from app.admin.views.events import show_events
from app.admin.views.operations import show_operations
from app.admin.views.overview import show_overview
from app.admin.views.readiness import show_readiness
from app.cutover.state import Stage, Switch
from app.cutover.store import ConflictError, Snapshot, StoreAwayError
from app.gateway import REQUEST_ID
from translation.errors import ProxyError

ROOMS: Final = frozenset({"console"})
"""The first segments of the paths answered here."""
