/* tcc asks for this file; what it would hold is given on the command line. */
