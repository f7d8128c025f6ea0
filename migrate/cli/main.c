/* main.c: argv -> exit status. */
#include "cli/verbs.h"

int main(int argc, char **argv)
{
    return tool_run(argc, argv);
}
