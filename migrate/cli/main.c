/* main.c: argv -> exit status. */
#include "cli/run.h"

int main(int argc, char **argv)
{
    return tool_run(argc, argv);
}
