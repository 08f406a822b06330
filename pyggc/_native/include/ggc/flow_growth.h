/* How the flows grow; made by tools/make_flows.py from what pyggc/transforms/ranges.py derives.
 *
 * If no sample exceeds L, no number within a flow exceeds inner * L + inner_error, and no coefficient
 * outer * L + outer_error. Rounded up to 2^-20.
 */
#ifndef GGC_FLOW_GROWTH_H
#define GGC_FLOW_GROWTH_H

typedef struct {
    double inner, inner_error, outer, outer_error;
} ggc_growth;

/* clang-format off */
static const ggc_growth ggc_growth_dct4 = {2.703125, 1.8409767150878906, 2.0, 1.8409767150878906};
static const ggc_growth ggc_growth_dct8 = {3.33636474609375, 3.45542049407959, 2.828446388244629, 3.45542049407959};
static const ggc_growth ggc_growth_dct16 = {5.549219131469727, 5.9433183670043945, 4.0, 5.9433183670043945};
static const ggc_growth ggc_growth_dct32 = {5.897439002990723, 8.747961044311523, 5.656892776489258, 8.747961044311523};
static const ggc_growth ggc_growth_wht4 = {4.0, 0.5, 2.0, 0.5};
static const ggc_growth ggc_growth_wht8 = {4.0, 0.5, 2.0, 0.5};
static const ggc_growth ggc_growth_wht16 = {8.0, 2.0, 4.0, 1.5};
static const ggc_growth ggc_growth_wht32 = {8.0, 2.0, 4.0, 1.5};
static const ggc_growth ggc_growth_ycocg_r = {2.0, 0.75, 2.0, 0.75};
static const ggc_growth ggc_growth_rct = {4.0, 0.75, 2.0, 0.75};
/* clang-format on */

#endif
