#!/usr/bin/env python3
"""Credential plugins: kubeconfigs whose user is a program, which prints tokens that expire, are refused, or that a person has to be asked for.
And kubeconfigs that are pipes."""
import json
import os
import pathlib
import pty
import stat
import subprocess
import sys
import time

from cli_world import LEASEHOLD, SHORT, World, main, wait_for

FRONT = pathlib.Path(__file__).resolve().parents[1] / "tls_front.py"
# Notes its run, makes a token, which the server takes beside the one before, and prints it.
PLUGIN = """#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo run >>runs
n=$(wc -l <runs)
cat >stdin
echo "$KUBERNETES_EXEC_INFO" >info
sleep 0.3
[ ! -e broken ] || { echo 'the identity provider is away' >&2; exit 3; }
printf 't%s\\nt%s\\n' $((n - 1)) "$n" >tokens.new && mv tokens.new tokens
[ -e life ] && expiry=',"expirationTimestamp":"'$(date -u -d "@$(($(date +%s) + $(cat life)))" +%Y-%m-%dT%H:%M:%SZ)'"'
echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t'"$n"'"'"$expiry"'}}'
"""


class Plugins(World):
    def setUp(self):
        super().setUp()
        self.start_dev()
        (self.folder / "tokens").write_text("")
        self.front = self.spawn(sys.executable, FRONT, "serve", "--plain", "--rewrite-host", "--backend", self.url.split("//")[1].strip("/"), "--tokens",
                                self.folder / "tokens", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.front.stdout.readline())
        self.plugin("plugin", PLUGIN)
        self.user()

    def plugin(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def user(self, **more):
        exec_ = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./plugin", **more}
        self.kubeconfig.write_text(json.dumps({
            "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}], "users": [{"name": "u", "user": {"exec": exec_}}]}))

    def runs(self):
        path = self.folder / "runs"
        return len(path.read_text().split()) if path.exists() else 0

    def test_commands_ask_the_plugin(self):
        for words, code in ((["status", "g"], 4), (["status", "-A"], 0), (["members", "g"], 0), (["wait", "g", "--for", "none", "--timeout", "20s"], 0)):
            result = self.leasehold(*words)
            self.assertEqual(result.returncode, code, (words, result.stderr))
        self.assertEqual(json.loads((self.folder / "info").read_text()),
                         {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "spec": {"interactive": False}})
        runs = self.runs()
        self.assertGreaterEqual(runs, 4)
        result = self.leasehold("status", "g", "--token", f"t{runs}")
        self.assertEqual((result.returncode, self.runs()), (4, runs), result.stderr)  # a token that is given is enough

    def test_a_plugin_slower_than_the_time_for_an_answer(self):
        self.plugin("plugin", PLUGIN.replace("sleep 0.3", "sleep 3"))
        result = self.leasehold("status", "g", "--timeout", "2s")
        self.assertEqual(result.returncode, 4, result.stderr)

    def test_what_fails_is_said_in_one_line(self):
        (self.folder / "broken").touch()
        for words in (["status", "g"], ["status", "-A"]):
            result = self.leasehold(*words)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("./plugin of user \"u\" ended with exit code 3: the identity provider is away", result.stderr)
            self.assertEqual(len(result.stderr.strip().split("\n")), 1, result.stderr)

    def test_plugins_that_are_none(self):
        good = '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":%s}'
        for script, says in (
                ("exit 0", "printed what cannot be used"), ("echo no", "printed what cannot be used"), ("head -c 2000000 /dev/zero", "printed more than"),
                ("kill -9 $$", "was killed by signal 9"), (f"echo '{good % '{}'}'", "printed what cannot be used"),
                (f"echo '{good % json.dumps({'token': 'a' + chr(10) + 'X-Other: b'})}'", "printed what cannot be used"),
                (f"echo '{good % json.dumps({'token': 't', 'expirationTimestamp': 'soon'})}'", "expirationTimestamp"),
                ("echo '%s'" % (good % '{"token":"t"}').replace("v1beta1", "v1"), "client.authentication.k8s.io/v1"),
                ("printf '\\033[31mred\\001' >&2; exit 1", "exit code 1: ?[31mred?")):
            self.plugin("plugin", "#!/bin/sh\n" + script + "\n")
            result = self.leasehold("status", "g")
            self.assertEqual((result.returncode, result.stdout), (1, ""), (script, result.stderr))
            self.assertIn(says, result.stderr, script)
            self.assertEqual(len(result.stderr.strip().split("\n")), 1, result.stderr)
        for user, says in (({"command": "no-such-plugin", "installHint": "see the manual"}, "see the manual"), ({"command": "./absent"}, "does not exist"),
                           ({"command": "/"}, "cannot be started"), ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1"),
                           ({"interactiveMode": "Sometimes"}, "Sometimes"), ({"args": "--token"}, "must be a list"), ({"command": ""}, "command")):
            self.user(**user)
            result = self.leasehold("status", "g")
            self.assertEqual((result.returncode, result.stdout), (1, ""), (user, result.stderr))
            self.assertIn(says, result.stderr)

    def test_the_doctor_knows_them(self):
        result = self.leasehold("doctor")
        self.assertNotIn("without any credentials", result.stdout, result.stderr)
        (self.folder / "broken").touch()
        result = self.leasehold("doctor")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertRegex(result.stdout, r"fail  credentials: .*the identity provider is away")

    def test_a_leader_outlives_its_tokens(self):
        (self.folder / "life").write_text("7")
        _, events = self.candidate("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        wait_for(lambda: self.runs() >= 5, "five tokens")
        self.assertEqual([e["event"] for e in events() if e["event"] in ("started_leading", "stopped_leading")], ["started_leading"])
        self.assertEqual(self.lease("g")["spec"]["holderIdentity"], "a")

    def test_a_leader_outlives_a_plugin_that_is_away_for_a_while(self):
        (self.folder / "life").write_text("16")  # asked for anew after 12 s
        _, events = self.candidate("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        (self.folder / "broken").touch()
        wait_for(lambda: self.runs() >= 2, "a run in vain")
        (self.folder / "broken").unlink()
        wait_for(lambda: self.runs() >= 4, "two more")
        self.assertEqual([e["event"] for e in events() if e["event"] in ("started_leading", "stopped_leading")], ["started_leading"])

    def test_a_leader_whose_token_is_revoked_gets_another(self):
        _, events = self.candidate("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        time.sleep(6)  # a token that came just now would not be asked for again
        runs = self.runs()
        (self.folder / "tokens").write_text("")
        wait_for(lambda: self.runs() > runs, "another run")
        before = self.lease("g")["metadata"]["resourceVersion"]
        wait_for(lambda: self.lease("g")["metadata"]["resourceVersion"] != before, "a renewal")
        self.assertEqual([e["event"] for e in events() if e["event"] in ("started_leading", "stopped_leading")], ["started_leading"])

    def test_the_standard_input_of_run_is_the_commands(self):
        result = subprocess.run([LEASEHOLD, "run", "g", *SHORT, "--", "cat"], input="hello\n", env=self.environment, capture_output=True, text=True, timeout=60)
        self.assertEqual((result.returncode, result.stdout), (0, "hello\n"), result.stderr)
        self.assertEqual((self.folder / "stdin").read_text(), "")

    def test_a_person_is_asked_at_a_terminal(self):
        self.plugin("plugin", PLUGIN.replace("cat >stdin", "printf 'Word: ' >&2; read -r word; echo \"$word\" >stdin"))
        ours, its = pty.openpty()
        process = self.spawn(LEASEHOLD, "status", "g", "--timeout", "2s", stdin=its, stderr=its, stdout=subprocess.DEVNULL)
        os.close(its)
        said = b""
        while b"Word: " not in said:
            said += os.read(ours, 100)
        time.sleep(3)  # people take longer than servers may
        os.write(ours, b"sesame\n")
        self.assertEqual(process.wait(60), 4)
        os.close(ours)
        self.assertEqual((self.folder / "stdin").read_text(), "sesame\n")
        self.assertTrue(json.loads((self.folder / "info").read_text())["spec"]["interactive"])

    def test_one_that_must_ask_is_refused_where_nobody_is(self):
        self.user(interactiveMode="Always")
        for words, says in ((["status", "g"], "standard input is no terminal"), (["run", "g", "--", "true"], "nobody may be asked here")):
            result = self.leasehold(*words)
            self.assertIn(result.returncode, (1, 125))
            self.assertIn("wants to ask (interactiveMode: Always)", result.stderr)
            self.assertIn(says, result.stderr)
        self.assertEqual(self.runs(), 0)

    def test_a_kubeconfig_may_be_a_pipe(self):
        text = self.kubeconfig.read_text().replace("./plugin", str(self.folder / "plugin"))
        result = subprocess.run([LEASEHOLD, "status", "g", "--kubeconfig", "/dev/stdin"], input=text, env=self.environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 4, result.stderr)
        script = f"'{LEASEHOLD}' run g --kubeconfig <(cat '{self.folder}/text') -- echo led"
        (self.folder / "text").write_text(text)
        result = subprocess.run(["bash", "-c", script], stdin=subprocess.DEVNULL, env=self.environment, capture_output=True, text=True, timeout=60)
        self.assertEqual((result.returncode, result.stdout), (0, "led\n"), result.stderr)


if __name__ == "__main__":
    main()
