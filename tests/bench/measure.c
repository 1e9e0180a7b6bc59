/*
 * measure RESULT COMMAND [ARGUMENT …]: runs the command, writes "seconds peak-kilobytes cpu-seconds" to the
 * file RESULT and ends with the command's status.
 *
 * Peak memory survives exec, so a child of a large interpreter never looks smaller than the interpreter; this
 * small program in between keeps the figure honest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double in_seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: measure RESULT COMMAND [ARGUMENT ...]\n");
        return 2;
    }
    double begin = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
        perror("measure");
        return 1;
    }
    double seconds = now() - begin;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

    double cpu = in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
    FILE *result = fopen(argv[1], "w");
    if (!result || fprintf(result, "%.6f %ld %.6f\n", seconds, usage.ru_maxrss, cpu) < 0 || fclose(result)) {
        perror(argv[1]);
        return 1;
    }
    return code;
}
