#!/usr/bin/env python3
"""The official openai client, and bad input by hand, against `mnema serve --model` on a free loopback port.

    tests/clients/openai_client_test.py PROGRAM

Exit code 77 (skipped) where the client or a model is not installed. The server is ended by its process id.
"""
import glob
import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import zlib

try:
    import openai
    import pydantic
except ImportError:
    print("skipped: the openai client is not installed (./dev test installs it)", file=sys.stderr)
    sys.exit(77)

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()


def start(*options):
    """The server's process and its address, once it listens."""
    process = subprocess.Popen([PROGRAM, "serve", "--listen", "127.0.0.1:0", *options], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        found = re.search(r"on (http://\S+)", line)
        if found:
            return process, found.group(1)
    process.wait()
    return process, None


def post(address, path, body, raw=False):
    """Status and JSON of a POST."""
    data = body if raw else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class OpenAiClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process, cls.address = start("--model", "smollm2-135m")
        if cls.address is None:
            print("skipped: the model is not here (./dev test fetches it)", file=sys.stderr)
            os._exit(77)
        cls.client = openai.OpenAI(base_url=cls.address + "/v1", api_key="none", max_retries=0)

    @classmethod
    def tearDownClass(cls):
        cls.process.send_signal(signal.SIGTERM)
        assert cls.process.wait(timeout=30) == 0, "SIGTERM ends the server with 0"
        cls.process.stderr.close()

    def metric(self, name, **labels):
        """The present value of a metric."""
        text = urllib.request.urlopen(self.address + "/metrics", timeout=60).read().decode()
        wanted = name + ("{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else "")
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(wanted + " "))

    def until(self, condition, what, patience_s=30):
        give_up = time.monotonic() + patience_s
        while not condition():
            self.assertLess(time.monotonic(), give_up, "not reached: " + what)
            time.sleep(0.02)

    def ask(self, text, **more):
        messages = [{"role": "user", "content": text}]
        return self.client.chat.completions.create(model="default", messages=messages, temperature=0, **more)

    def test_chat_answers_the_same_streamed_and_not(self):
        whole = self.ask("What is a KV cache? One sentence.", max_tokens=24)
        self.assertGreater(whole.usage.prompt_tokens, 10)
        self.assertEqual(whole.choices[0].finish_reason, "length")
        pieces = list(self.ask("What is a KV cache? One sentence.", max_tokens=24, stream=True,
                               stream_options={"include_usage": True}))
        text = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(pieces[-1].usage.completion_tokens, 24)

    def test_a_repeated_prompt_takes_its_prefix_from_the_cache(self):
        text = "Repeat after me: " + "the quick brown fox jumps over the lazy dog. " * 10
        self.ask(text, max_tokens=1)
        again = self.ask(text, max_tokens=1)
        self.assertGreaterEqual(again.usage.prompt_tokens_details.cached_tokens, 64)

    def test_a_schema_is_kept_to(self):
        schema = {"type": "object", "properties": {"label": {"enum": ["bug", "feature", "question"]}},
                  "required": ["label"], "additionalProperties": False}
        answer = self.ask("Label this issue: the program crashes.",
                          response_format={"type": "json_schema", "json_schema": {"name": "label", "schema": schema}})
        self.assertIn(json.loads(answer.choices[0].message.content)["label"], ["bug", "feature", "question"])

    def test_a_seed_gives_the_same_answer_again(self):
        def drawn():
            return self.client.chat.completions.create(
                model="default", messages=[{"role": "user", "content": "Tell a story."}], temperature=1.0, seed=7,
                max_tokens=20).choices[0].message.content
        self.assertEqual(drawn(), drawn())

    def test_every_choice_tells_its_seed_and_can_be_had_again(self):
        def drawn(**more):
            return self.client.chat.completions.create(
                model="default", messages=[{"role": "user", "content": "Tell a story."}], temperature=1.0,
                max_tokens=20, **more)
        two = drawn(n=2, seed=7).choices
        self.assertEqual([choice.seed for choice in two], [7, 8])
        self.assertNotEqual(two[0].message.content, two[1].message.content)
        self.assertEqual(drawn(seed=8).choices[0].message.content, two[1].message.content)
        last = [piece for piece in drawn(seed=8, stream=True)][-1]
        self.assertEqual(last.choices[0].seed, 8)

    def test_speculation_changes_no_answer(self):
        text = "Copy this list: " + ", ".join(f"item {i} costs {i * 7} euros" for i in range(12))
        def answer(tokens):
            return self.ask(text, max_tokens=60, extra_body={"speculation_tokens_max": tokens}).choices[0].message.content
        def accepted():
            return self.metric("mnema_accepted_draft_tokens_total", model="smollm2-135m")
        before = accepted()
        plain = answer(0)
        self.assertEqual(accepted(), before, "none was asked for")
        self.assertEqual(answer(8), plain)
        self.until(lambda: accepted() > before, "a draft token was accepted")

    def test_a_required_tool_is_called_with_arguments_of_its_schema(self):
        model = "qwen2.5-coder-0.5b"
        if model not in [known.id for known in self.client.models.list()]:
            self.skipTest(model + " is not here")
        schema = {"type": "object", "properties": {"city": {"enum": ["Bonn", "Oslo"]}, "days": {"type": "integer"}},
                  "required": ["city", "days"]}
        tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in ("weather", "trains")]
        messages = [{"role": "user", "content": "Write a poem about Oslo in three days."}]
        for choice in ("required", {"type": "function", "function": {"name": "trains"}}):
            def call(stream):
                return self.client.chat.completions.create(model=model, messages=messages, tools=tools, temperature=0,
                                                           tool_choice=choice, max_tokens=600, stream=stream)
            answer = call(False).choices[0]
            # As OpenAI answers: a call that the client has forced by its name is no choice of the model.
            self.assertEqual(answer.finish_reason, "tool_calls" if choice == "required" else "stop")
            called = answer.message.tool_calls[0].function
            self.assertIn(called.name, ["trains"] if choice != "required" else ["weather", "trains"])
            arguments = json.loads(called.arguments)
            self.assertIn(arguments["city"], ["Bonn", "Oslo"])
            self.assertIsInstance(arguments["days"], int)
            pieces = [call_piece for piece in call(True) for call_piece in piece.choices[0].delta.tool_calls or []]
            self.assertEqual("".join(p.function.arguments or "" for p in pieces if p.index == 0), called.arguments)
        for choice in ("required", "auto"):
            with self.assertRaises(openai.BadRequestError) as refused:  # SmolLM2's template knows no tools
                self.ask("hello", tools=tools, tool_choice=choice)
            self.assertEqual(refused.exception.param, "tools")

    def qwen(self, **more):
        """An answer of a model whose template has tools."""
        model = "qwen2.5-coder-0.5b"
        if model not in [known.id for known in self.client.models.list()]:
            self.skipTest(model + " is not here")
        more = {"messages": [{"role": "user", "content": "What is the weather in Oslo? Use a tool."}], **more}
        return self.client.chat.completions.create(model=model, temperature=0, **more)

    def tool(self, name="weather", parameters=None, **more):
        return {"type": "function", "function": {"name": name, **({"parameters": parameters} if parameters else {}), **more}}

    CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}

    def test_a_call_that_is_cut_shows_no_markup(self):
        for choice in ("required", {"type": "function", "function": {"name": "weather"}}, "auto"):
            asked = {"tools": [self.tool(parameters=self.CITY)], "tool_choice": choice, "max_tokens": 12}
            whole = self.qwen(**asked).choices[0]
            self.assertEqual(whole.finish_reason, "length", choice)
            self.assertNotIn("tool_call", whole.message.content or "")
            self.assertFalse(whole.message.tool_calls)
            pieces = list(self.qwen(stream=True, **asked))
            self.assertNotIn("<", "".join(p.choices[0].delta.content or "" for p in pieces))
            self.assertEqual(pieces[-1].choices[0].finish_reason, "length")

    def test_a_tool_without_parameters_is_called_with_none(self):
        for parameters in (None, {"type": "object", "properties": {}}):
            answer = self.qwen(tools=[self.tool(parameters=parameters)], max_tokens=100,
                               tool_choice={"type": "function", "function": {"name": "weather"}}).choices[0]
            self.assertEqual(answer.message.tool_calls[0].function.arguments, "{}")

    def test_long_integers_keep_their_digits_both_ways(self):
        number = 1234567890123456789012
        parameters = {"type": "object", "properties": {"id": {"const": number}}, "required": ["id"],
                      "additionalProperties": False}
        called = self.qwen(tools=[self.tool("find", parameters)], tool_choice="required", max_tokens=100)
        arguments = called.choices[0].message.tool_calls[0].function.arguments
        self.assertEqual(json.loads(arguments), {"id": number}, arguments)
        _, shown = post(self.address, "/apply-template", {
            "model": "qwen2.5-coder-0.5b", "messages": [{"role": "user", "content": "x"}],
            "tools": [self.tool("find", parameters)]})
        self.assertIn(str(number), shown["prompt"])

    def test_a_tool_loop_ends_in_an_answer(self):
        tools = [self.tool(parameters=self.CITY, description="The weather now", strict=True)]
        messages = [{"role": "user", "content": "What is the weather in Oslo? Use a tool."}]
        first = self.qwen(messages=messages, tools=tools, tool_choice="required", parallel_tool_calls=False, max_tokens=100)
        message = first.choices[0].message
        self.assertEqual(len(message.tool_calls), 1)
        self.assertIn("city", json.loads(message.tool_calls[0].function.arguments))
        messages += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id,
                               "content": "{\"celsius\": 31, \"sky\": \"clear\"}"}]
        schema = {"type": "object", "properties": {"celsius": {"type": "integer"}}, "required": ["celsius"],
                  "additionalProperties": False}
        last = self.qwen(messages=messages, tools=tools, tool_choice="none", max_tokens=60, response_format={
            "type": "json_schema", "json_schema": {"name": "weather", "schema": schema}}).choices[0]
        self.assertEqual(json.loads(last.message.content), {"celsius": 31})
        self.assertEqual(last.finish_reason, "stop")

    def test_tools_stand_beside_a_response_format(self):
        shape = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": {
            "type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"],
            "additionalProperties": False}}}
        tools = [self.tool(parameters=self.CITY)]
        answer = self.qwen(messages=[{"role": "user", "content": "How much is 2 + 2? Answer in JSON."}], tools=tools,
                           response_format=shape, max_tokens=100).choices[0]
        if answer.message.tool_calls:
            self.assertEqual(answer.finish_reason, "tool_calls")
        else:
            self.assertIsInstance(json.loads(answer.message.content)["answer"], int)
        called = self.qwen(tools=tools, response_format=shape, tool_choice="required", max_tokens=100).choices[0]
        self.assertTrue(called.message.tool_calls)

    def test_the_clients_own_helpers_parse_answers_and_tools(self):
        class Answer(pydantic.BaseModel):
            city: str
            people: int
        class Weather(pydantic.BaseModel):
            city: str
        parsed = self.client.chat.completions.parse(
            model="default", messages=[{"role": "user", "content": "Tell me about Oslo."}], response_format=Answer,
            temperature=0, max_tokens=200)
        self.assertIsInstance(parsed.choices[0].message.parsed, Answer)
        with self.client.chat.completions.stream(
                model="default", messages=[{"role": "user", "content": "Tell me about Oslo."}], response_format=Answer,
                temperature=0, max_tokens=200) as stream:
            for _ in stream:
                pass
            self.assertIsInstance(stream.get_final_completion().choices[0].message.parsed, Answer)
        tools = [openai.pydantic_function_tool(Weather)]
        self.qwen(max_tokens=1)  # or the test is skipped
        asked = dict(model="qwen2.5-coder-0.5b", messages=[{"role": "user", "content": "Is it raining in Oslo?"}],
                     tools=tools, tool_choice="required", temperature=0, max_tokens=200)
        called = self.client.chat.completions.parse(**asked).choices[0].message.tool_calls[0]
        self.assertIsInstance(called.function.parsed_arguments, Weather)
        with self.client.chat.completions.stream(**asked) as stream:
            for _ in stream:
                pass
            final = stream.get_final_completion().choices[0]
        self.assertEqual(final.finish_reason, "tool_calls")
        self.assertIsInstance(final.message.tool_calls[0].function.parsed_arguments, Weather)
        with self.assertRaises(openai.LengthFinishReasonError):
            self.client.chat.completions.parse(**{**asked, "max_tokens": 5})

    def test_every_way_of_asking_for_a_shape_is_kept_to_or_refused(self):
        schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}},
                  "required": ["n"], "additionalProperties": False}
        def is_digit(text):
            return 1 <= json.loads(text)["n"] <= 9
        ways = [({"guided_json": schema}, is_digit), ({"guided_json": json.dumps(schema)}, is_digit),
                ({"json_schema": schema}, is_digit), ({"structured_outputs": {"json": schema}}, is_digit),
                ({"guided_regex": "[a-c]{3}-\\d"}, lambda text: re.fullmatch(r"[a-c]{3}-\d", text)),
                ({"structured_outputs": {"regex": "[a-c]{3}"}}, lambda text: re.fullmatch("[a-c]{3}", text)),
                ({"guided_choice": ["maybe", "never"]}, lambda text: text in ("maybe", "never")),
                ({"structured_outputs": {"choice": ["maybe", "never"]}}, lambda text: text in ("maybe", "never")),
                ({"guided_grammar": "root ::= \"x\" [0-9]+ \"y\""}, lambda text: re.fullmatch(r"x\d+y", text)),
                ({"response_format": {"type": "json_object"}}, lambda text: isinstance(json.loads(text), dict)),
                ({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}}, is_digit)]
        for way, holds in ways:
            for path, prompt in (("/v1/chat/completions", {"messages": [{"role": "user", "content": "Write something."}]}),
                                 ("/v1/completions", {"prompt": "Write something."})):
                status, answer = post(self.address, path, {"model": "default", "max_tokens": 60, "temperature": 1, "seed": 1,
                                                           **prompt, **way})
                self.assertEqual(status, 200, (path, way, answer))
                choice = answer["choices"][0]
                text = choice["message"]["content"] if "message" in choice else choice["text"]
                if choice["finish_reason"] == "stop":
                    self.assertTrue(holds(text), (path, way, text))
        for way, param in [({"guided_json": {"type": "nonsense"}}, "guided_json"), ({"guided_regex": "a("}, "guided_regex"),
                           ({"guided_grammar": "nonsense"}, "guided_grammar"), ({"guided_json": 3}, "guided_json"),
                           ({"structured_outputs": {"structural_tag": "x"}}, "structured_outputs.structural_tag"),
                           ({"response_format": {"type": "xml"}}, "response_format.type"),
                           ({"guided_choice": ["a"], "guided_regex": "a"}, "guided_choice")]:
            for path, prompt in (("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}),
                                 ("/v1/completions", {"prompt": "x"})):
                status, answer = post(self.address, path, {"model": "default", **prompt, **way})
                self.assertEqual((status, answer["error"]["param"]), (400, param), (path, way, answer))

    def test_a_history_shows_no_arguments_that_are_no_object(self):
        def history(arguments):
            return [{"role": "user", "content": "x"},
                    {"role": "assistant", "content": None, "tool_calls": [
                        {"id": "1", "type": "function", "function": {"name": "weather", "arguments": arguments}}]},
                    {"role": "tool", "tool_call_id": "1", "content": "4"}]
        self.qwen(max_tokens=1)
        def shown(arguments):
            return post(self.address, "/apply-template", {"model": "qwen2.5-coder-0.5b", "messages": history(arguments)})
        self.assertIn("{}", shown("")[1]["prompt"])
        self.assertIn("1234567890123456789012", shown("{\"n\": 1234567890123456789012}")[1]["prompt"])
        self.assertIn("1234567890123456789012", shown({"n": 1234567890123456789012})[1]["prompt"])
        for wrong in ("[1]", "{\"city\": \"Os", "3"):
            status, answer = shown(wrong)
            self.assertEqual((status, answer["error"]["param"]),
                             (400, "messages[1].tool_calls[0].function.arguments"), wrong)

    def test_stop_strings_end_the_answer_and_are_not_in_it(self):
        def answer(**more):
            return self.client.completions.create(model="default", prompt="one two three four five six seven",
                                                  temperature=0, max_tokens=30, **more).choices[0]
        self.assertIn(" eight", answer().text)
        stopped = answer(stop=[" eight"])
        self.assertEqual((stopped.finish_reason, stopped.text), ("stop", answer().text.split(" eight")[0]))

    def test_text_and_log_probabilities_end_together(self):
        for stop in ("five", " five", "five six", "e", "ve s"):
            answer = self.client.completions.create(model="default", prompt="one two three four", temperature=0,
                                                    max_tokens=12, logprobs=1, stop=[stop]).choices[0]
            self.assertEqual("".join(answer.logprobs.tokens), answer.text, stop)
            pieces = list(self.client.completions.create(model="default", prompt="one two three four", temperature=0,
                                                         max_tokens=12, logprobs=1, stop=[stop], stream=True))
            told = "".join("".join(p.choices[0].logprobs.tokens) for p in pieces if p.choices[0].logprobs)
            self.assertEqual((told, "".join(p.choices[0].text for p in pieces)), (answer.text, answer.text), stop)

    def test_a_character_that_is_cut_is_left_out(self):
        emoji = "\N{GRINNING FACE}\N{ROCKET}" * 3
        _, ids = post(self.address, "/tokenize", {"content": emoji, "add_special": False})
        choice = " ".join(["go", emoji])
        for tokens in range(1, len(ids["tokens"]) + 2):
            message = self.ask("Say it.", max_tokens=tokens, logprobs=True, extra_body={"guided_choice": [choice]}).choices[0]
            self.assertTrue(choice.startswith(message.message.content), message.message.content)
            told = bytes(byte for token in message.logprobs.content for byte in token.bytes)
            self.assertTrue(choice.encode().startswith(told), "logprobs keep the bytes of the tokens")
            self.assertTrue(told.startswith(message.message.content.encode()))

    def test_compressed_requests_are_read(self):
        body = json.dumps({"model": "default", "max_tokens": 1, "messages": [{"role": "user", "content": "x " * 200}]}).encode()
        for coding, data, wanted in (("gzip", gzip.compress(body), 200), ("deflate", zlib.compress(body), 200),
                                     ("gzip", gzip.compress(body)[:-9], 400), ("br", body, 415),
                                     ("gzip", gzip.compress(b" " * (9 << 20)), 413)):
            request = urllib.request.Request(self.address + "/v1/chat/completions", data,
                                             {"Content-Type": "application/json", "Content-Encoding": coding})
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    status = answer.status
            except urllib.error.HTTPError as error:
                status = error.code
            self.assertEqual(status, wanted, coding)

    def test_embeddings_read_all_that_they_count(self):
        model = "all-minilm-l6-v2"
        if model not in [m.id for m in self.client.models.list()]:
            self.skipTest("the encoder is not here")
        def made(text, **more):
            return self.client.embeddings.create(model=model, input=text, extra_body=more, encoding_format="float")
        long = " ".join(f"word{i % 7}" for i in range(300))
        with self.assertRaises(openai.BadRequestError) as refused:
            made(long)
        self.assertEqual((refused.exception.code, refused.exception.param), ("context_length_exceeded", "input"))
        cut = made(long, truncate=True)
        self.assertEqual(cut.usage.prompt_tokens, 256)
        self.assertIn("cut", cut.data[0].mnema["note"])
        self.assertEqual(made(long, truncate_prompt_tokens=50).usage.prompt_tokens, 50)
        short = made("the payment failed")
        for marks in (False, True):
            _, ids = post(self.address, "/tokenize", {"model": model, "content": "the payment failed", "add_special": marks})
            again = made(ids["tokens"])
            self.assertEqual(again.data[0].embedding, short.data[0].embedding)
            self.assertEqual(again.usage.prompt_tokens, short.usage.prompt_tokens)
        binary = self.client.embeddings.create(model=model, input="the payment failed")  # the client asks for base64
        for a, b in zip(binary.data[0].embedding, short.data[0].embedding):
            self.assertAlmostEqual(a, b, places=6)
        self.assertEqual(len(self.client.embeddings.create(model=model, input="x", dimensions=384).data[0].embedding), 384)
        with self.assertRaises(openai.BadRequestError) as refused:
            self.client.embeddings.create(model=model, input="x", dimensions=64)
        self.assertEqual(refused.exception.param, "dimensions")

    def test_completions_give_log_probabilities(self):
        answer = self.client.completions.create(model="default", prompt="The capital of France is", max_tokens=1, logprobs=3,
                                                temperature=0)
        self.assertEqual(answer.choices[0].text, " Paris")
        self.assertEqual(len(answer.choices[0].logprobs.top_logprobs[0]), 3)

    def test_embeddings_are_normalised_and_know_what_is_near(self):
        if "all-minilm-l6-v2" not in [m.id for m in self.client.models.list()]:
            self.skipTest("the encoder is not here")
        texts = ["The payment failed.", "The transaction was declined.", "Bananas are yellow."]
        a, b, c = [e.embedding for e in self.client.embeddings.create(model="all-minilm-l6-v2", input=texts).data]
        dot = lambda x, y: sum(p * q for p, q in zip(x, y))
        self.assertAlmostEqual(dot(a, a), 1, places=3)
        self.assertGreater(dot(a, b), dot(a, c) + 0.2)

    def test_tokens_and_templates_are_shown(self):
        status, tokens = post(self.address, "/tokenize", {"content": "Hello world", "add_special": False})
        self.assertEqual((status, tokens), (200, {"tokens": [19556, 905]}))
        status, prompt = post(self.address, "/apply-template", {"messages": [{"role": "user", "content": "x"}]})
        self.assertIn("<|im_start|>user\nx<|im_end|>", prompt["prompt"])

    def test_metrics_are_there_for_prometheus(self):
        self.ask("Say hi.", max_tokens=2)
        text = urllib.request.urlopen(self.address + "/metrics", timeout=60).read().decode()
        self.assertIn("# TYPE mnema_kv_pages_free gauge", text)
        self.assertRegex(text, r'mnema_generated_tokens_total{model="smollm2-135m"} [1-9]')

    def test_bad_input_is_refused_in_openais_shape(self):
        for path, body, wanted in [
            ("/v1/chat/completions", b"{not json", 400),
            ("/v1/chat/completions", {"model": "default", "messages": []}, 400),
            ("/v1/chat/completions", {"model": "nobody", "messages": [{"role": "user", "content": "x"}]}, 404),
            ("/v1/chat/completions", {"model": "default", "messages": [{"role": "user", "content": "word " * 9000}]}, 400),
            ("/v1/completions", {"model": "default", "prompt": [999999999]}, 400),
            ("/v1/completions", {"model": "default", "prompt": ""}, 400),
            ("/nowhere", {}, 404),
        ]:
            status, answer = post(self.address, path, body, raw=isinstance(body, bytes))
            self.assertEqual(status, wanted, (path, answer))
            self.assertTrue(answer["error"]["message"], path)
        self.assertEqual(post(self.address, "/v1/chat/completions", b"x" * (9 << 20), raw=True)[0], 413)

    def test_only_listed_models_can_be_asked_for_whatever_lies_on_the_disk(self):
        listed = {model.id for model in self.client.models.list()}
        message = {"role": "user", "content": "x"}
        with tempfile.NamedTemporaryFile(suffix=".gguf") as other:
            other.write(b"GGUF, and then nothing")
            other.flush()
            for model in [other.name, "./" + os.path.relpath(other.name), "/etc/passwd", "smollm2-135m/../smollm2-135m"]:
                for path, body in [
                    ("/v1/chat/completions", {"messages": [message]}),
                    ("/v1/completions", {"prompt": "x"}),
                    ("/v1/completions", {"prompt": [1], "echo": True}),
                    ("/v1/embeddings", {"input": "x"}),
                    ("/tokenize", {"content": "x"}),
                    ("/detokenize", {"tokens": [1]}),
                    ("/apply-template", {"messages": [message]}),
                ]:
                    status, answer = post(self.address, path, {"model": model, **body})
                    self.assertEqual((status, answer["error"].get("code")), (404, "model_not_found"), (path, model, answer))
                    self.assertEqual(answer["error"]["param"], "model")
        self.assertEqual({model.id for model in self.client.models.list()}, listed)
        self.assertTrue(post(self.address, "/tokenize", {"model": "smollm2-135m", "content": "x"})[1]["tokens"])

    def test_a_client_that_goes_takes_its_generation_with_it(self):
        def cancelled():
            return self.metric("mnema_generations_total", end="cancelled")
        def generated():
            return self.metric("mnema_generated_tokens_total", model="smollm2-135m")
        cancelled_before, generated_before = cancelled(), generated()
        # Left alone, this one goes on to its 1,500 tokens.
        stream = self.client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": "Tell a very long story."}], temperature=1.0, seed=0,
            max_tokens=1500, stream=True)
        next(iter(stream))
        stream.close()
        self.until(lambda: cancelled() == cancelled_before + 1, "the generation is cancelled")
        self.until(lambda: self.metric("mnema_sequences_running", model="smollm2-135m") == 0, "its sequence is gone")
        self.assertLess(generated() - generated_before, 1500)
        self.assertEqual(self.ask("Say hi.", max_tokens=2).choices[0].finish_reason, "length")


class ModelFile(unittest.TestCase):
    """A server that is given a file instead of a catalogue's name."""

    def test_the_file_answers_as_default_and_by_its_own_name(self):
        found = next(iter(glob.glob(os.path.expanduser(
            os.environ.get("MNEMA_MODELS", "~/.cache/mnema/models") + "/smollm2-135m/*.gguf"))), None)
        if found is None:
            self.skipTest("the model is not here")
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(found, folder + "/own.gguf")
            process, address = start("--model", folder + "/own.gguf")
            try:
                for model in ["default", "own"]:
                    ask = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
                    self.assertEqual(post(address, "/v1/chat/completions", ask)[0], 200, model)
                    self.assertEqual(post(address, "/v1/completions", {"model": model, "prompt": "x", "max_tokens": 1})[0], 200)
                self.assertEqual(post(address, "/tokenize", {"model": folder + "/own.gguf", "content": "x"})[0], 404)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)
                process.stderr.close()


class CommandLine(unittest.TestCase):
    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)

    def test_a_missing_model_says_what_to_do(self):
        ended = self.run_program("serve", "--model", "no-such-model")
        self.assertEqual(ended.returncode, 4)
        self.assertIn("no-such-model", ended.stderr)
        self.assertIn("hint:", ended.stderr)

    def test_a_port_in_use_has_its_own_exit_code(self):
        process, address = start("--model", "smollm2-135m")
        try:
            ended = self.run_program("serve", "--model", "smollm2-135m", "--listen", address.removeprefix("http://"))
            self.assertEqual(ended.returncode, 5, ended.stderr)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            process.stderr.close()

    def test_a_wrong_option_is_a_usage_error(self):
        self.assertEqual(self.run_program("serve", "--nonsense").returncode, 2)
        self.assertEqual(self.run_program("serve", "--listen", "here").returncode, 2)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
