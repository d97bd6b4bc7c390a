#!/usr/bin/python3
"""llama.cpp's own server, with a model that is made here and talks nonsense.

    llama_server.py MODEL [--key KEY] [--port PORT]

writes the model to a file (GGUF), prints the server's base URL and serves until
it is stopped.  It needs llama-requirements.txt.

The model's weights are noise, but for what makes it call a tool where there are
some, else answer something, and come to an end.  Calls are what the schemas of
the tools say, since the server holds it to them.
"""
import argparse
import signal

import gguf
import numpy
import xllamacpp

NAME = "noise"
CONTEXT = 4096  # tokens of a request and its answer
SLOTS = 2       # requests answered at once

# Who says what is marked as ChatML has it, tools and calls as Hermes models do.
# Where there are tools, the assistant is asked with a line feed, else with a colon.
TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content }}

{% endif %}You may call these functions:
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools>
For each call, return a JSON object with name and arguments within tags:
<tool_call>{"name": <name>, "arguments": <object>}</tool_call><|im_end|>
{% elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif not (loop.first and message.role == 'system') %}<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}
<tool_call>{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>
{%- endfor %}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant{{ '\\n' if tools else ':' }}{% endif %}"""

CALL = "<tool_call>"
BLANK = "\u2581"
END = "<|im_end|>"
CONTROL = ["<s>", "</s>", "<|im_start|>", END]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TEXT = [CALL, BLANK] + [chr(code) for code in range(ord("!"), ord("~") + 1)]
TOKENS = ["<unk>"] + CONTROL + BYTES + TEXT
TYPES = ([gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * len(CONTROL)
         + [gguf.TokenType.BYTE] * len(BYTES) + [gguf.TokenType.NORMAL] * len(TEXT))

# How likely a token is by itself, and after which tokens another one is likely.
WEIGHTS = {**dict.fromkeys(BLANK + "abcdeghijklmnopqrstuvwxyz", 1), **dict.fromkeys("ABCDEGHI.,!?", 0),
           '"': 1.5, END: 2}
FOLLOWS = [(["<0x0A>"], CALL), (list("0123456789"), "}"), (["}"], "<"), ([">"], END), ([":"], "S")]

WIDTH, HEADS, LAYERS, INNER = 64, 4, 2, 128
LOUD = 4  # of what is not noise


def index(token):
    return TOKENS.index(token)


def make_weights():
    """The tensors, by name: noise, and in the first dimensions of each token what it is."""
    random = numpy.random.default_rng(1)

    def noise(rows, scale):
        return random.normal(0, scale, (rows, WIDTH)).astype(numpy.float32)

    known = 1 + len(FOLLOWS)
    tokens, output = noise(len(TOKENS), 0.3), noise(len(TOKENS), 0.15)
    tokens[:, :known] = output[:, :known] = 0
    tokens[:, 0] = LOUD
    output[:, 0] = [WEIGHTS.get(token, -8 if token in BYTES + [CALL] else -3) / LOUD for token in TOKENS]
    for dimension, (before, after) in enumerate(FOLLOWS, 1):
        tokens[[index(token) for token in before], dimension] = LOUD
        output[index(after), dimension] = LOUD
    yield "token_embd.weight", tokens
    yield "output.weight", output
    yield "output_norm.weight", numpy.ones(WIDTH, numpy.float32)
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", noise(WIDTH, 0.05)
        for name in ("ffn_gate", "ffn_up"):
            yield f"blk.{layer}.{name}.weight", noise(INNER, 0.05)
        yield f"blk.{layer}.ffn_down.weight", noise(INNER, 0.05).T.copy()
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", numpy.ones(WIDTH, numpy.float32)


def make_model(path):
    """Write the model's file."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types(TYPES)
    writer.add_unk_token_id(index("<unk>"))
    writer.add_bos_token_id(index("<s>"))
    writer.add_eos_token_id(index(END))
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in make_weights():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def start_server(model, key, port):
    """llama.cpp's server in this process."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.model_alias = {NAME}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.api_keys = [key] if key else []
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CONTEXT
    parameters.cpuparams.n_threads = 1
    parameters.n_threads_http = 8
    parameters.ui = False
    return xllamacpp.Server(parameters)


def main():
    parser = argparse.ArgumentParser(description="llama.cpp's server with a small model")
    parser.add_argument("model")
    parser.add_argument("--key", help="the API key that requests must carry; none: any may ask")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # its threads leave them to us
    make_model(options.model)
    server = start_server(options.model, options.key, options.port)
    print(f"{server.listening_address}/v1", flush=True)
    signal.sigwait(signals)


if __name__ == "__main__":
    main()
