#!/usr/bin/env python3
"""Groups shared among Pods, against `leasehold dev`: evenly through the library (Camel's cases), and one at a time with `run --one-of`."""
import pathlib
import signal
import sys

from cli_world import LEASEHOLD, SHORT, World, main, read_events, wait_for

BUILD = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None


class Balance(World):
    def setUp(self):
        super().setUp()
        self.start_dev()
        self.pods = {}

    # ---- Pods that share evenly

    def create_pod(self, name, label):
        self.request("POST", "/api/v1/namespaces/default/pods", {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": label}}, "spec": {"containers": [{"name": "c", "image": "i"}]}})

    def arrive(self, name, label, groups):
        path = self.folder / f"{name}.lines"
        self.create_pod(name, label)
        process = self.spawn(BUILD / "balanced_pod", name, f"app={label}", *groups, stdout=open(path, "w"))
        self.pods[name] = (process, path)
        wait_for(lambda: path.read_text().startswith("ready\n"), f"{name} to be up")

    def leave(self, name):
        process, _ = self.pods.pop(name)
        process.terminate()
        self.assertEqual(process.wait(60), 0)
        self.request("DELETE", f"/api/v1/namespaces/default/pods/{name}")

    def leads(self, name):
        held = []
        for line in self.pods[name][1].read_text().split("\n")[1:-1]:
            word, group = line.split(" ", 1)
            self.assertIn(word, ("started", "stopped"), line)
            held.append(group) if word == "started" else held.remove(group)
        return held

    def is_even(self, groups):
        held = [self.leads(name) for name in self.pods]
        least, most = len(groups) // len(held), -(-len(groups) // len(held))
        return sorted(sum(held, [])) == sorted(groups) and all(least <= len(h) <= most for h in held)

    def share(self, pods, count):
        label = f"case-{pods}-{count}"
        groups = [f"{label}-{i}" for i in range(count)]
        names = [f"{label}-pod-{i}" for i in range(pods)]
        for name in names:
            self.arrive(name, label, groups)
        wait_for(lambda: self.is_even(groups), f"{pods} Pods to share {count} groups evenly")
        before = {name: set(self.leads(name)) for name in names}
        self.leave(names[0])
        if names[1:]:
            wait_for(lambda: self.is_even(groups), "those that are left to share them")
            for name in names[1:]:
                self.assertLessEqual(before[name], set(self.leads(name)), "only the groups of who left move")
        self.arrive(names[0], label, groups)
        wait_for(lambda: self.is_even(groups), "who came back to have its share")
        for name in names:
            self.leave(name)

    def test_three_pods_ten_groups(self):
        self.share(3, 10)

    def test_six_pods_twenty_three_groups(self):
        self.share(6, 23)

    def test_four_pods_two_groups(self):
        self.share(4, 2)

    def test_two_pods_two_groups(self):
        self.share(2, 2)

    def test_a_pod_that_dies_without_a_word(self):
        groups = [f"g{i}" for i in range(5)]
        for name in ("a", "b"):
            self.arrive(name, "x", groups)
        wait_for(lambda: self.is_even(groups), "both to share")
        process, _ = self.pods.pop("a")
        process.send_signal(signal.SIGKILL)  # its Pod stays a member
        wait_for(lambda: self.is_even(groups), "b to lead all of them")

    # ---- run --one-of

    def run_one_of(self, identity, *flags, end="exec sleep 1000"):
        path = self.folder / f"{identity}.run"
        work = (f'exec 9>{self.folder}/{identity}.lock; flock -n 9 || touch {self.folder}/{identity}.overlap; '
                f'echo "$LEASEHOLD_GROUP" >>{self.folder}/{identity}.groups; {end}')
        process = self.spawn(LEASEHOLD, "run", "--one-of", "a,b,c", "--identity", identity, *SHORT, "--events", path, "-o", "json", *flags, "--",
                             "sh", "-c", work)
        return process, lambda: [e["group"] for e in read_events(path) if e["event"] == "started_leading"]

    def status(self):
        rows = [line.split() for line in self.leasehold("status").stdout.splitlines()[1:]]
        return {row[0]: row[1] for row in rows}

    def worked(self, identity):
        path = self.folder / f"{identity}.groups"
        return path.read_text().split() if path.exists() else []

    def each_leads_one(self, name, *flags):
        candidates = {f"{name}-{i}": None for i in range(4)}
        names = list(candidates)
        for identity in names:
            if flags:
                self.create_pod(identity, "y")
            if identity != names[3]:
                candidates[identity] = self.run_one_of(identity, *flags)
        wait_for(lambda: sorted(self.status().values()) == names[:3], "each to lead one")
        wait_for(lambda: all(len(self.worked(identity)) == 1 for identity in names[:3]), "their work")
        first = self.status()
        candidates[names[3]] = self.run_one_of(names[3], *flags)
        freed = next(group for group, holder in first.items() if holder == names[0])
        candidates[names[0]][0].terminate()
        candidates[names[0]][0].wait(60)
        wait_for(lambda: self.worked(names[3]) == [freed], "the fourth to take the place of the first, and CMD to be told its group")
        for identity in names[1:3]:
            self.assertEqual(len(candidates[identity][1]()), 1, "nobody else moves")
        for process, _ in candidates.values():
            process.terminate()
        for process, _ in candidates.values():
            process.wait(60)

    def test_each_leads_one_of_strangers(self):
        self.each_leads_one("p")

    def test_each_leads_one_of_members(self):
        self.each_leads_one("q", "--selector", "app=y")

    def test_work_of_one_group_is_dead_before_the_next_begins(self):
        # One candidate, whose lock is taken away again and again.
        # Its work does not want to die, nor does a child of it, and both hold the lock that the next work tries.
        candidate, _ = self.run_one_of("only", end="trap '' TERM; sleep 1000 & wait; wait; sleep 1000")
        for term in range(1, 5):
            wait_for(lambda: len(self.worked("only")) >= term, "the next term")
            group = self.worked("only")[-1]
            lease = self.lease(group)
            lease["spec"] = {"holderIdentity": "operator", "leaseDurationSeconds": 1, "renewTime": "2020-01-01T00:00:00.000000Z"}
            lease["metadata"].pop("annotations", None)
            self.request("PUT", f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{group}", lease)
        self.assertLessEqual(list(self.status().values()).count("only"), 1)
        self.assertFalse((self.folder / "only.overlap").exists(), "two of its workers at once")
        candidate.kill()

    def test_bad_input(self):
        for words, part in (
                (["run", "--one-of", "a,a", "--", "true"], "twice"), (["run", "--one-of", "", "--", "true"], "group"),
                (["run", "--one-of", "a,,b", "--", "true"], "group"), (["run", "--one-of", "a,B", "--", "true"], "B"),
                (["run", "g", "--one-of", "a,b", "--", "true"], "--one-of"), (["run", "--one-of", "a"], "CMD"),
                (["run", "--one-of", ",".join(f"g{i}" for i in range(65)), "--", "true"], "64"),
                (["run", "--one-of", "a,b", "--lock-name", "x", "--", "true"], "lock-name")):
            result = self.leasehold(*words)
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), (words, result.stderr))
            self.assertIn(part, result.stderr)


if __name__ == "__main__":
    main()
