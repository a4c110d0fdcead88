"""The vendors, as data: where they are, how they differ, and what their error codes mean.

Codes are written in lower case. A dotted code ("ModelArts.81011") is looked up whole and by
each of its parts, so a row names the part that tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.config import variable
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

Kind = type[ModelError]


@dataclass(frozen=True, slots=True)
class Preset:
    """One vendor.

    base_url  its OpenAI-compatible address; None where the operator has to give one
    key       its own address asks for a key
    usage     it understands `stream_options`
    renames   options that its own address knows by another name
    codes     its own error codes; words that many vendors share are in `WORDS`
    """

    name: str
    base_url: str | None
    key: bool = True
    usage: bool = True
    renames: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Kind] = field(default_factory=dict)


def _codes(**kinds: str) -> Mapping[str, Kind]:
    """One table out of a list of codes per kind."""
    return MappingProxyType({code: _KINDS[kind] for kind, codes in kinds.items() for code in codes.split()})


_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "auth": ModelAuth,
        "quota": ModelQuota,
        "busy": ModelBusy,
        "filtered": ModelFiltered,
        "bad": ModelBadInput,
        "down": ModelUnavailable,
    }
)

WORDS = _codes(
    auth="""invalid_api_key incorrect_api_key_error invalidapikey invalid_authentication_error authentication_error
        authenticationerror unauthorized accessdenied access_denied permission_denied permission_denied_error
        permission_error invalid_iam_token account_deactivated""",
    quota="""insufficient_quota exceeded_current_quota_error billing_hard_limit_reached billing_not_active
        credit_balance_exhausted organization_spend_limit_exceeded project_spend_limit_exceeded insufficient_balance
        insufficient_user_quota pre_consume_token_quota_failed budget_exceeded arrearage accountoverdue
        accountoverdueerror freetieronly quotaexceeded setlimitexceeded""",
    busy="""rate_limit_exceeded rate_limit_error rate_limit_reached_error limit_requests throttling throttling_error
        ratelimitexceeded engine_overloaded_error overloaded_error serveroverloaded""",
    filtered="""content_filter content_policy_violation contentpolicyviolationerror moderation_blocked
        responsibleaipolicyviolation sensitive_words_detected prompt_blocked data_inspection_failed
        datainspectionfailed unsafe_request image_url_unsafe sensitivecontentdetected
        inputtextsensitivecontentdetected outputtextsensitivecontentdetected inputimagesensitivecontentdetected
        outputimagesensitivecontentdetected inputtextriskdetection outputtextriskdetection inputimageriskdetection
        outputimageriskdetection""",
    bad="""model_not_found modelnotfound invalid_model invalidendpointormodel resource_not_found_error
        context_length_exceeded string_above_max_length characters_too_long tokens_too_long malformed_json
        invalid_messages no_parameter_permission invalid_image_genration_prompt invalidparameter
        invalid_parameter_error invalid_value unsupported_parameter unsupported_value missing_required_parameter""",
    down="server_error internal_error internalerror internalservererror service_unavailable",
)
"""Codes and types in words; they mean the same wherever they appear."""

FINISHES: Mapping[str, Kind] = MappingProxyType(
    {
        "content_filter": ModelFiltered,
        "sensitive": ModelFiltered,
        "insufficient_system_resource": ModelBusy,
        "network_error": ModelUnavailable,
        "error": ModelUnavailable,
        "abort": ModelUnavailable,
    }
)
"""Finish reasons that are failures; every other one ends an answer."""

_BAIDU = _codes(
    auth="6 13 14 15 100 110 111",
    quota="17 19",
    busy="4 18 336100 336501 336502 336503 336504 336505",
    bad="3 336001 336002 336003 336004 336005 336006 336007 336103",
    down="1 2 336000",
)
_HUAWEI = _codes(
    auth="81002 81003 81004",
    quota="81005 81006",
    busy="81101 81103",
    filtered="81011",
    bad="81001 81009",
    down="0203",
)
_ZHIPU = _codes(
    auth="1000 1001 1002 1003 1004 1100 1110 1111 1112 1121 1220",
    quota="1113 1304 1308 1310",
    busy="1120 1302 1303 1305 1312",
    filtered="1301",
    bad="1210 1211 1212 1213 1214 1215 1221 1222 1261",
    down="1200 1230 1234",
)
_SILICONFLOW = _codes(quota="30001", bad="20012 20015", busy="50505 50603")
_ARK = _codes(auth="modelnotopen")

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                "openai",
                "https://api.openai.com/v1",
                renames=MappingProxyType({"max_tokens": "max_completion_tokens"}),
            ),
            Preset("qianfan", "https://qianfan.baidubce.com/v2", codes=_BAIDU),
            Preset("maas", "https://api.modelarts-maas.com/v2", codes=_HUAWEI),
            Preset("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
            Preset("zhipu", "https://open.bigmodel.cn/api/paas/v4", codes=_ZHIPU),
            Preset("zai", "https://api.z.ai/api/paas/v4", codes=_ZHIPU),
            Preset("moonshot", "https://api.moonshot.cn/v1"),
            Preset("deepseek", "https://api.deepseek.com"),
            Preset("siliconflow", "https://api.siliconflow.cn/v1", codes=_SILICONFLOW),
            Preset("ark", "https://ark.cn-beijing.volces.com/api/v3", codes=_ARK),
            Preset("baichuan", "https://api.baichuan-ai.com/v1", usage=False),
            Preset("ollama", "http://localhost:11434/v1", key=False),
            Preset("vllm", "http://localhost:8000/v1", key=False),
            Preset("llamacpp", "http://localhost:8080/v1", key=False),
            Preset("mindie", None, key=False, usage=False),
            Preset("litellm", "http://localhost:4000/v1", key=False),
        )
    }
)


def find(name: str, model: str) -> Preset:
    """The preset of that name, for the registered `model`. Raises ConfigError that names the known ones."""
    if preset := PRESETS.get(name.strip().lower()):
        return preset
    raise ConfigError(
        variable("models", model, "preset"), "there is no preset of that name.", f"Use one of {', '.join(PRESETS)}."
    )
