/* make brings its own glob, whose header another build would copy to this name. */
#include "/in/make-source/src/make-dfsg-4.3/lib/glob.in.h"
