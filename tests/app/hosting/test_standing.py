"""What is said of the settings that serve."""

from app.hosting.installation import read_table
from app.hosting.standing import Standing, fingerprint
from app.metrics import Metrics
from app.readiness import Readiness
from tests.app.hosting.test_installation import realtime, table
from tests.clock import Clock


def of(token: str) -> str:
    return fingerprint(read_table({"portals": table(one={"realtime": realtime("one", token=token)})}))


def test_the_same_settings_have_the_same_hash_and_others_another() -> None:
    assert of("a token") == of("a token")
    assert of("a token") != of("another")
    assert len(of("a token")) == 12


def test_age_and_outcome_are_said() -> None:
    clock, metrics = Clock(), Metrics()
    standing = Standing(metrics, clock)
    readiness = Readiness(metrics)
    standing.readiness = {"": readiness}
    assert standing.report() == (True, {"status": "ready"})
    standing.loaded("00000000002a")
    clock.now += 7
    assert standing.report()[1]["configuration"] == {"hash": "00000000002a", "age": 7, "last_reload": "taken"}
    assert metrics.registry.get_sample_value("evtmgmt_config_hash") == 42
    standing.refused()
    assert standing.report()[1]["configuration"]["last_reload"] == "refused"
    assert metrics.registry.get_sample_value("evtmgmt_config_last_reload_successful") == 0
    readiness.refused("realtime")
    ready, said = standing.report()
    assert (ready, said["status"]) == (False, "not ready")


def test_one_portal_is_enough_to_be_ready() -> None:
    standing = Standing(metrics := Metrics())
    readiness = {name: Readiness(metrics) for name in ("contoso", "fabrikam")}
    standing.readiness = readiness
    readiness["contoso"].refused("realtime")
    ready, said = standing.report()
    assert (ready, said["status"]) == (True, "degraded")
    assert said["portals"] == {"contoso": "not ready", "fabrikam": "ready"}
    readiness["fabrikam"].refused("realtime")
    ready, said = standing.report()
    assert (ready, said["status"]) == (False, "not ready")
