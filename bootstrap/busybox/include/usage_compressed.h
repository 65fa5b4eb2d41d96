/* No texts about how programs are used: SHOW_USAGE is off. */
