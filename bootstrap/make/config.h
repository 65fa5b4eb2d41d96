/* What make's configure would find out with a shell, for musl on amd64: there is no
 * shell yet, and the shell needs make. */

/* Names. */
#define PACKAGE "make"
#define PACKAGE_NAME "GNU Make"
#define PACKAGE_BUGREPORT "bug-make@gnu.org"
#define PACKAGE_URL ""
#define VERSION "4.3"
#define PACKAGE_VERSION "4.3"
#define MAKE_HOST "x86_64-linux-musl"
#define PATH_SEPARATOR_CHAR ':'

/* Where it would look for included files and libraries: nowhere but where it is told. */
#define INCLUDEDIR "/none"
#define LIBDIR "/none"
#define LOCALEDIR "/none"

/* Headers that musl has. */
#define STDC_HEADERS 1
#define HAVE_STDLIB_H 1
#define HAVE_STRING_H 1
#define HAVE_STRINGS_H 1
#define HAVE_STDARG_H 1
#define HAVE_UNISTD_H 1
#define HAVE_FCNTL_H 1
#define HAVE_LIMITS_H 1
#define HAVE_MEMORY_H 1
#define HAVE_LOCALE_H 1
#define HAVE_SYS_PARAM_H 1
#define HAVE_SYS_RESOURCE_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_SYS_TIMEB_H 1
#define HAVE_SYS_WAIT_H 1
#define HAVE_SYS_SELECT_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_SYS_STAT_H 1
#define HAVE_SYS_FILE_H 1
#define HAVE_DIRENT_H 1
#define HAVE_STDINT_H 1
#define HAVE_INTTYPES_H 1
#define HAVE_ALLOCA_H 1

/* Functions that musl has. */
#define HAVE_ALLOCA 1
#define HAVE_ATEXIT 1
#define HAVE_DUP 1
#define HAVE_DUP2 1
#define HAVE_FORK 1
#define HAVE_VFORK 1
#define HAVE_WORKING_FORK 1
#define HAVE_FDOPEN 1
#define HAVE_GETCWD 1
#define HAVE_GETGROUPS 1
#define HAVE_GETRLIMIT 1
#define HAVE_SETRLIMIT 1
#define HAVE_GETTIMEOFDAY 1
#define HAVE_ISATTY 1
#define HAVE_LSTAT 1
#define HAVE_READLINK 1
#define HAVE_REALPATH 1
#define HAVE_MKSTEMP 1
#define HAVE_MKTEMP 1
#define HAVE_PIPE 1
#define HAVE_PSELECT 1
#define HAVE_SELECT 1
#define HAVE_SETEGID 1
#define HAVE_SETEUID 1
#define HAVE_SETLINEBUF 1
#define HAVE_SETLOCALE 1
#define HAVE_SETREGID 1
#define HAVE_SETREUID 1
#define HAVE_SETVBUF 1
#define HAVE_SIGACTION 1
#define HAVE_STRCASECMP 1
#define HAVE_STRNCASECMP 1
#define HAVE_STRCOLL 1
#define HAVE_STRDUP 1
#define HAVE_STRNDUP 1
#define HAVE_STPCPY 1
#define HAVE_MEMPCPY 1
#define HAVE_STRERROR 1
#define HAVE_STRSIGNAL 1
#define HAVE_STRTOLL 1
#define HAVE_TTYNAME 1
#define HAVE_UMASK 1
#define HAVE_WAITPID 1
#define HAVE_WAIT3 1
#define HAVE_MEMRCHR 1
#define HAVE_GETLOADAVG 1
#define HAVE_DECL_GETLOADAVG 1
#define HAVE_DECL_BSD_SIGNAL 1
#define HAVE_DECL_SYS_SIGLIST 0
#define HAVE_DECL__SYS_SIGLIST 0
#define HAVE_DECL___SYS_SIGLIST 0

/* What the compiler and the system can do. */
#define HAVE_LONG_LONG_INT 1
#define HAVE_UNSIGNED_LONG_LONG_INT 1
#define FILE_TIMESTAMP_HI_RES 1
#define ST_MTIM_NSEC st_mtim.tv_nsec
#define MAKE_JOBSERVER 1
#define HAVE_SA_RESTART 1
#define SA_RESTART_OK 1
#define TIME_WITH_SYS_TIME 1
#define RETSIGTYPE void
#define SCCS_GET "get"
#define _GNU_SOURCE 1

/* What gnulib's headers want to say to gcc, and tcc need not hear. */
#define _Noreturn
#define _GL_CONFIG_H_INCLUDED 1
#define _GL_ATTRIBUTE_MALLOC
#define _GL_UNUSED
#define _GL_UNUSED_PARAMETER
#define _GL_INLINE_HEADER_BEGIN
#define _GL_INLINE_HEADER_END
#define _GL_INLINE static inline
#define _GL_ATTRIBUTE_ALLOC_SIZE(x)
#define __ptr_t void *
