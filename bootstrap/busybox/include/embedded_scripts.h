/* No shell scripts inside of the program. */
#define NUM_SCRIPTS 0
