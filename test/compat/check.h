/* check.h: what the self-checking programs of this folder share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "util.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            errorf("not true: %s", #condition);                                                                        \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
