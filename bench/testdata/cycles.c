/*
 * Makes and leaves namespaces, as one would write it in C: what xtest's own loop is held against.
 *
 *   cycles FLAG MEMBER N   N processes call unshare(FLAG) and end; where MEMBER is 1, each has a child first,
 *                          as the maker of a PID or time namespace does not become a member of it.
 *                          Prints the time of the loop in nanoseconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* join waits for a child and gives its exit status. */
static int join(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

static int cycle(int flag, int member)
{
	pid_t pid = fork();

	if (pid)
		return join(pid);
	if (flag && unshare(flag))
		_exit(errno);
	if (member) {
		pid = fork();
		if (!pid)
			_exit(0);
		_exit(join(pid));
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	int flag = strtol(argv[1], NULL, 0), member = atoi(argv[2]), status;
	long long start = now();

	for (long n = atol(argv[3]); n > 0; n--) {
		/* The kernel frees namespaces later: a limit that is reached is waited for. */
		while ((status = cycle(flag, member)) == ENOSPC)
			usleep(20000);
		if (status) {
			fprintf(stderr, "a cycle ended with %d\n", status);
			return 1;
		}
	}
	printf("%lld\n", now() - start);
	return 0;
}
