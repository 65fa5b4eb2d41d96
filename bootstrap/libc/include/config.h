/* tcc asks for this file. It looks nowhere for parts of a system, unless the command line names folders. */
#ifndef CONFIG_TCC_CRTPREFIX
#define CONFIG_TCC_CRTPREFIX "/none"
#define CONFIG_TCC_LIBPATHS "/none"
#define CONFIG_TCC_SYSINCLUDEPATHS "{B}/include"
#define CONFIG_TCC_ELFINTERP "/none"
#endif
