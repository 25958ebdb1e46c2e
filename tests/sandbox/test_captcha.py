import httpx

from sandbox import Sandbox
from sandbox.captcha import Captcha
from tests.sandbox.conftest import Caller


def test_a_flow_is_spent_right_or_wrong() -> None:
    captcha = Captcha()
    flow = captcha.challenge("http://x")["FlowId"]
    right = {"Solution": captcha.solution(flow), "Token": flow, "FlowId": flow}
    assert not captcha.verify(right | {"Solution": "000"})
    assert not captcha.verify(right)
    flow = captcha.challenge("http://x")["FlowId"]
    assert captcha.verify({"Solution": captcha.solution(flow), "Token": flow, "FlowId": flow})
    assert not captcha.verify("nonsense")


def test_script_and_picture_are_served(sandbox: Sandbox, outbound: Caller, client: httpx.Client) -> None:
    challenge = outbound.get("events/Guarded_Expo/captcha").json()
    script = client.get(challenge["HipUrl"])
    assert challenge["ObjectName"] in script.text
    assert challenge["FlowId"] in script.text
    picture = client.get(f"{sandbox.base_url}/hip/{challenge['FlowId']}.png")
    assert picture.content.startswith(b"\x89PNG")
    assert client.get(f"{sandbox.base_url}/hip/unknown.png").status_code == 404
