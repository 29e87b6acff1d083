"""A plain candidate of the Python client's leader election; prints "leads" when it leads and then stays until it is ended.

usage: elect.py KUBECONFIG lease|configmap NAME IDENTITY [STAMPER STAMPS]

With a STAMPER, that worker runs while it believes that it leads, and it stands again after a loss.
"""
import signal
import subprocess
import sys

from kubernetes import config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

kubeconfig, kind, name, identity = sys.argv[1:5]
stamper = sys.argv[5:]
workers = []


def started():
    print("leads", flush=True)
    if stamper:
        workers.append(subprocess.Popen(stamper))


def stopped():
    print("stopped", flush=True)
    for worker in workers:
        worker.kill()
        worker.wait()
    workers.clear()


def ended(*unused):
    for worker in workers:
        worker.kill()
    sys.exit(0)


signal.signal(signal.SIGTERM, ended)
config.load_kube_config(config_file=kubeconfig)
while True:
    lock = {"lease": LeaseLock, "configmap": ConfigMapLock}[kind](name, "default", identity)
    leaderelection.LeaderElection(electionconfig.Config(lock, lease_duration=6, renew_deadline=4, retry_period=1,
                                                        onstarted_leading=started, onstopped_leading=stopped)).run()
    if not stamper:
        break
