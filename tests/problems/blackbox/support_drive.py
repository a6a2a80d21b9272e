"""Drives a flow by hand, and writes down every job that it asks for."""

import numpy as np

from evollm.search.flow import Vary
from evollm.search.search import Search
from evollm.types import name_of


def drive(flow, problem, evaluations):
    """Return the jobs as comparable tuples, and the individuals in order."""
    search, jobs, scored = Search(flow), [], []
    while len(scored) < evaluations:
        for ticket in search.ask():
            job = ticket.job
            if isinstance(job, Vary):
                ids = [parent.id for parent in job.parents]
                jobs.append((name_of(job.operator), ids, job.n, job.seed, job.step))
                search.tell(ticket, job.operator.vary(job.parents, job.n, job.seed))
            else:
                genomes = [candidate.genome for candidate in job.candidates]
                jobs.append(("evaluate", np.array(genomes).tobytes(), job.seed, job.step))
                for place, outcome in enumerate(problem.evaluate(genomes, None, job.seed)):
                    scored.append(search.score(ticket, place, outcome))
    return jobs, scored
