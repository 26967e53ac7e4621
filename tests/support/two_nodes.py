"""python -m tests.support.two_nodes: a Ray cluster of two nodes here, steered by lines of input.

It prints its address; `kill` kills the second node and prints how many are left; `end` ends it.
Its own lines begin with a >, because Ray prints what it likes.
"""

import logging
import sys
import time

import ray
from ray.cluster_utils import Cluster


def main() -> None:
    size = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=size)
    second = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    cluster.wait_for_nodes()
    print(f"> {cluster.address}", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            break
        cluster.remove_node(second, allow_graceful=False)
        ray.init(address=cluster.address, logging_level=logging.ERROR, log_to_driver=False)
        alive = 2
        while alive == 2:
            alive = sum(node["Alive"] for node in ray.nodes())
            time.sleep(0.1)
        ray.shutdown()
        print(f"> {alive}", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
