/* One buffer for the programs that need one for a while. busybox's script would
 * fit it into what the linker leaves free. */
enum { COMMON_BUFSIZE = 1024 };
extern char bb_common_bufsiz1[];
#define setup_common_bufsiz() ((void)0)
