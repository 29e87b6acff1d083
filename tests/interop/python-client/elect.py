"""A plain candidate of the Python client's leader election; prints "leads" when it leads and then stays until it is ended.

usage: elect.py KUBECONFIG lease|configmap NAME IDENTITY
"""
import sys

from kubernetes import config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

kubeconfig, kind, name, identity = sys.argv[1:]
config.load_kube_config(config_file=kubeconfig)
lock = {"lease": LeaseLock, "configmap": ConfigMapLock}[kind](name, "default", identity)
leaderelection.LeaderElection(electionconfig.Config(
    lock, lease_duration=6, renew_deadline=4, retry_period=1, onstarted_leading=lambda: print("leads", flush=True),
    onstopped_leading=lambda: print("stopped", flush=True))).run()
