/* See glob.h. */
#include "/in/make-source/src/make-dfsg-4.3/lib/fnmatch.in.h"
