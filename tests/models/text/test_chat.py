"""Conversations as texts: what templates may do, and what they may not."""

import json
import sys

import pytest

from tapegrad.models import text
from tapegrad.models.text import Bytes
from tokenizer_cases import CHATS, TEMPLATES, byte_pairs

pytest.importorskip("jinja2")


def rendered(template, messages, **options):
    return Bytes({"eos_token": "</s>", "bos_token": "<s>"}, template).chat_text(messages, **options)


def test_a_conversation_and_the_beginning_of_an_answer():
    said = "<|im_start|>user\nHi & <b><|im_end|>\n"
    assert rendered(TEMPLATES["chatml"], CHATS[0]) == said + "<|im_start|>assistant\n"
    assert rendered(TEMPLATES["chatml"], CHATS[0], add_generation_prompt=False) == said


def test_special_tokens_are_there():
    found = rendered(TEMPLATES["strict"], CHATS[2])
    assert found == "<s>[INST] 你好 [/INST] Hello 😀</s>[INST] more [/INST]"


def test_json_is_not_escaped_and_what_is_none_is_left_out():
    found = rendered(
        "{{ messages | tojson }}{{ name | default('-') }}", [{"role": "a & <b> 你", "name": None}]
    )
    assert found == '[{"role": "a & <b> 你"}]-'


def test_blocks_leave_no_empty_lines_and_loops_can_be_left():
    leaves = "  {% if loop.index > 1 %}\n{% break %}{% endif %}\n"
    template = f"{{% for m in messages %}}\n{leaves}{{{{ m.role }}}}\n{{% endfor %}}\n"
    assert rendered(template, CHATS[2]) == "user\n"


def test_variables_of_the_caller():
    assert rendered("{{ tools | length }} {{ mood }}", CHATS[0], tools=[1, 2], mood="calm") == "2 calm"
    assert rendered("{{ 'no' if not tools else 'yes' }}", CHATS[0]) == "no"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (TEMPLATES["strict"], "the chat template refuses: roles must alternate"),
        ("{% if %}", "the chat template refuses: Expected an expression"),
        ("{{ nothing.at.all }}", "the chat template refuses: 'nothing' is undefined"),
        ("{{ 1 + 'a' }}", "the chat template refuses: unsupported operand"),
        ("{{ ''.__class__.__mro__ }}", "the chat template refuses: .*unsafe"),
        ("{{ messages.append(1) }}", "the chat template refuses: .*unsafe"),
        ("{{ cycler.__init__.__globals__.os }}", "the chat template refuses: .*unsafe"),
        ("{% for i in range(10 ** 9) %}{% endfor %}", "the chat template refuses: Range too big"),
        ("{% include '/etc/hostname' %}", "the chat template refuses: no loader"),
    ],
)
def test_what_a_template_may_not(template, message):
    with pytest.raises(ValueError, match=message):
        rendered(template, [*CHATS[0], *CHATS[0]])


def test_conversations_that_are_none():
    for messages in [], "Hi", {"role": "user"}:
        with pytest.raises(ValueError, match="a list of one message at least"):
            rendered("a", messages)


def test_without_a_template():
    with pytest.raises(ValueError, match="no chat template"):
        Bytes().chat_text(CHATS[0])


def test_where_a_folder_has_its_template(tmp_path):
    pytest.importorskip("tokenizers")
    several = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "usual"}]
    for given, found in [(None, None), ("one", "one"), (several, "usual")]:
        assert text.from_pretrained(byte_pairs(tmp_path, chat_template=given)).chat_template == found
    (tmp_path / "chat_template.jinja").write_bytes("file\r\né".encode())
    assert text.from_pretrained(tmp_path).chat_template == "file\r\né"
    (tmp_path / "chat_template.jinja").unlink()
    for given, message in [
        (several[:1], "tool_use, none is the default"),
        (3, "chat_template is to be a text"),
    ]:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": given}))
        with pytest.raises(ValueError, match=message):
            text.from_pretrained(tmp_path)


def test_without_jinja2_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"pip install 'tapegrad\[text\]'"):
        rendered("a", CHATS[0])


def test_a_jinja2_with_holes_is_not_used(monkeypatch):
    monkeypatch.setattr("jinja2.__version__", "3.1.5")
    with pytest.raises(ImportError, match="3.1.6 or later, .* this is 3.1.5"):
        rendered("a", CHATS[0])
