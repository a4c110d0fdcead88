"""Every vendor's refusals, as its documentation writes them, under the error that each one means."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import (
    ConfigError,
    ModelAuth,
    ModelBadInput,
    ModelBusy,
    ModelError,
    ModelFiltered,
    ModelQuota,
    ModelUnavailable,
)
from bot.models.faults import by_status, is_failure, sort, tidy
from bot.models.presets import FINISHES, PRESETS, WORDS, find


def error(**fields: object) -> dict[str, object]:
    return {"error": fields}


@pytest.mark.parametrize(
    ("preset", "status", "body", "kind"),
    [
        ("openai", 401, error(type="invalid_request_error", code="invalid_api_key"), ModelAuth),
        ("openai", 401, error(message="no code", type="invalid_request_error", code=None), ModelAuth),
        ("openai", 429, error(type="insufficient_quota", code="insufficient_quota"), ModelQuota),
        ("openai", 429, error(type="insufficient_quota", code="project_spend_limit_exceeded"), ModelQuota),
        ("openai", 429, error(type="tokens", code="rate_limit_exceeded"), ModelBusy),
        ("openai", 400, error(type="invalid_request_error", code="content_policy_violation"), ModelFiltered),
        ("openai", 400, error(code="moderation_blocked"), ModelFiltered),
        ("openai", 400, error(type="invalid_request_error", code="context_length_exceeded"), ModelBadInput),
        ("openai", 404, error(type="invalid_request_error", code="model_not_found"), ModelBadInput),
        ("qianfan", 400, error(code="image_url_unsafe", type="unsafe_request"), ModelFiltered),
        ("qianfan", 400, error(code="characters_too_long", type="invalid_request_error"), ModelBadInput),
        ("qianfan", 401, error(code="invalid_iam_token", type="invalid_request_error"), ModelAuth),
        ("qianfan", 200, {"error_code": 110, "error_msg": "Access token invalid or no longer valid"}, ModelAuth),
        ("qianfan", 200, {"error_code": 17, "error_msg": "Open api daily request limit reached"}, ModelQuota),
        ("qianfan", 200, {"error_code": 18, "error_msg": "Open api qps request limit reached"}, ModelBusy),
        ("qianfan", 200, {"error_code": 336100, "error_msg": "please try again"}, ModelBusy),
        ("maas", 403, {"error_code": "ModelArts.81011", "error_msg": "May contain sensitive"}, ModelFiltered),
        ("maas", 403, error(code="ModelArts.81011", message="May contain sensitive"), ModelFiltered),
        ("maas", 403, error(code="ModelArts.81003", message="authorization header"), ModelAuth),
        ("maas", 403, {"error_code": "ModelArts.81005", "error_msg": "free quota"}, ModelQuota),
        ("maas", 404, {"error_code": "ModelArts.81009", "error_msg": "model"}, ModelBadInput),
        ("maas", 429, {"error_code": "ModelArts.81103", "error_msg": "TPM"}, ModelBusy),
        ("maas", 500, {"error_code": "APIG.0203", "error_msg": "Backend timeout."}, ModelUnavailable),
        ("dashscope", 400, error(code="data_inspection_failed", message="x"), ModelFiltered),
        ("dashscope", 400, {"code": "DataInspectionFailed", "message": "x", "request_id": "1"}, ModelFiltered),
        ("dashscope", 400, {"code": "Arrearage", "message": "Access denied"}, ModelQuota),
        ("dashscope", 403, {"code": "AllocationQuota.FreeTierOnly", "message": "free tier"}, ModelQuota),
        ("dashscope", 403, {"code": "Model.AccessDenied", "message": "x"}, ModelAuth),
        ("dashscope", 401, {"code": "InvalidApiKey", "message": "x"}, ModelAuth),
        ("dashscope", 429, {"code": "Throttling.RateQuota", "message": "x"}, ModelBusy),
        ("zhipu", 400, error(code="1301", message="系统检测到输入或生成内容可能包含不安全或敏感内容"), ModelFiltered),
        ("zhipu", 429, error(code="1113", message="您的账户已欠费"), ModelQuota),
        ("zhipu", 429, error(code=1113), ModelQuota),
        ("zhipu", 429, error(code="1302", message="并发数过高"), ModelBusy),
        ("zhipu", 429, error(code="1308", message="已达到使用上限"), ModelQuota),
        ("zhipu", 401, error(code="1002", message="Authorization Token 非法"), ModelAuth),
        ("zhipu", 400, error(code="1261", message="Prompt 超长"), ModelBadInput),
        ("zai", 400, error(code="1211", message="模型不存在"), ModelBadInput),
        ("moonshot", 400, error(type="content_filter", message="considered high risk"), ModelFiltered),
        ("moonshot", 429, error(type="exceeded_current_quota_error"), ModelQuota),
        ("moonshot", 429, error(type="engine_overloaded_error"), ModelBusy),
        ("moonshot", 401, error(type="invalid_authentication_error"), ModelAuth),
        ("deepseek", 402, error(message="Insufficient Balance", code="invalid_request_error"), ModelQuota),
        ("deepseek", 422, error(message="Invalid parameters"), ModelBadInput),
        ("deepseek", 503, error(message="overloaded"), ModelUnavailable),
        ("siliconflow", 400, {"code": 20012, "message": "Model does not exist", "data": None}, ModelBadInput),
        ("siliconflow", 200, {"code": 20012, "message": "Model does not exist", "data": None}, ModelBadInput),
        ("siliconflow", 403, {"code": 1, "message": "Sorry, your account balance is insufficient"}, ModelQuota),
        ("siliconflow", 403, {"code": 1, "message": "real-name verification"}, ModelAuth),
        ("siliconflow", 429, {"message": "IPM limit reached", "data": None}, ModelBusy),
        ("ark", 400, error(code="SensitiveContentDetected.Violence", type="BadRequest"), ModelFiltered),
        ("ark", 400, error(code="OutputImageSensitiveContentDetected", type="BadRequest"), ModelFiltered),
        ("ark", 403, error(code="AccountOverdueError", type="Forbidden"), ModelQuota),
        ("ark", 403, error(code="AccessDenied", type="Forbidden"), ModelAuth),
        ("ark", 404, error(code="InvalidEndpointOrModel.NotFound", type="NotFound"), ModelBadInput),
        ("ark", 404, error(code="ModelNotOpen", type="NotFound"), ModelAuth),
        ("vllm", 400, {"object": "error", "message": "long", "type": "BadRequestError", "code": 400}, ModelBadInput),
        ("vllm", None, {"object": "error", "message": "gone", "type": "NotFoundError", "code": 404}, ModelBadInput),
        ("vllm", None, error(message="engine dead", type="InternalServerError", code=500), ModelUnavailable),
        ("litellm", 400, error(type="budget_exceeded", code="400"), ModelQuota),
        ("ollama", 404, error(message="model 'x' not found", type="api_error"), ModelBadInput),
        ("llamacpp", 503, error(code=503, message="Loading model", type="unavailable_error"), ModelUnavailable),
        ("openai", 400, error(message="Input data may contain inappropriate content."), ModelFiltered),
        ("openai", 400, error(message="API key not valid."), ModelAuth),
        ("openai", 400, "<html>400</html>", ModelBadInput),
        ("openai", 500, None, ModelUnavailable),
        ("openai", None, error(message="?", type="invalid_request_error"), ModelBadInput),
        ("openai", None, error(message="?"), ModelUnavailable),
        ("openai", None, {"error": "worker died"}, ModelUnavailable),
    ],
)  # fmt: skip
def test_sorts_a_refusal(preset: str, status: int | None, body: object, kind: type[ModelError]) -> None:
    assert sort(PRESETS[preset], status, body).kind is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelBadInput), (401, ModelAuth), (402, ModelQuota), (403, ModelAuth), (404, ModelBadInput),
        (408, ModelUnavailable), (413, ModelBadInput), (418, ModelBadInput), (429, ModelBusy), (451, ModelFiltered),
        (500, ModelUnavailable), (504, ModelUnavailable), (529, ModelBusy), (599, ModelUnavailable),
        (304, ModelUnavailable), (999, ModelUnavailable),
    ],
)  # fmt: skip
def test_an_unknown_status_goes_by_its_class(status: int, kind: type[ModelError]) -> None:
    assert by_status(status) is kind


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        ({"choices": [], "usage": {}}, False),
        ({"code": 0, "message": "success", "choices": [{}]}, False),
        ({"code": 20012, "message": "no", "data": None}, True),
        ({"code": 200, "msg": "ok", "data": {}}, False),
        ({"error": None, "choices": [{}]}, False),
        ({"error": {"code": 1}, "choices": [{}]}, True),
        ({"error_code": 0}, False),
        ({"error_code": 110}, True),
        ({"object": "error"}, True),
        ({"code": True, "message": "?"}, False),
        ({}, False),
    ],
)
def test_tells_a_failure_that_came_with_a_good_status(body: dict[str, object], failed: bool) -> None:
    assert is_failure(body) is failed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "type", "message", "error_code", "choices"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 200, 400, 403, 429, 500]), st.sampled_from(sorted(PRESETS)))
def test_sorts_whatever_comes(body: object, status: int | None, preset: str) -> None:
    fault = sort(PRESETS[preset], status, body)
    assert issubclass(fault.kind, ModelError)
    line = tidy(fault.text, ["secret"])
    assert len(line) <= 300
    assert line.isprintable()


@given(st.text(), st.text(min_size=8))
def test_no_secret_survives(before: str, secret: str) -> None:
    assert secret not in tidy(f"{before}{secret}{before}", [secret])


@pytest.mark.parametrize("shown", ["Bearer abc.def-123", "sk-proj-abcdef", "bce-v3/ALTAK-x/y", 'Authorization: "abc"'])
def test_hides_what_looks_like_a_secret(shown: str) -> None:
    line = tidy(f"you sent {shown}, which is wrong", [])
    assert "abc" not in line
    assert "ALTAK" not in line
    assert line.startswith("you sent ")


def test_rows_are_sound() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name == name.lower()
        if preset.base_url:
            parts = urlsplit(preset.base_url)
            assert parts.scheme == ("https" if preset.key else "http")
            assert not preset.base_url.endswith("/")
        assert all(code == code.lower() for code in preset.codes)
    assert all(word == word.lower() for word in WORDS)
    assert all(issubclass(kind, ModelError) for kind in FINISHES.values())
    assert not {"stop", "length", "tool_calls"} & FINISHES.keys()


def test_finds_a_preset() -> None:
    assert find(" DeepSeek ", "main").base_url == "https://api.deepseek.com"
    with pytest.raises(ConfigError, match=r"XIAOPENG_MODELS__MAIN__PRESET: .*deepseek"):
        find("deepsek", "main")
