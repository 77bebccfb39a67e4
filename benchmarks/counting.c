/* Counts what Python's own allocators are asked for: PyObject_* and PyMem_*.
 *
 * Loaded with ctypes by allocations.py. The declarations are those of Python's cpython/pymem.h,
 * written here so that no header has to be installed. Free lists (of tuples, floats, …) never come
 * here: what they give is no allocation.
 */

#include <stddef.h>

typedef struct {
    void *ctx;
    void *(*malloc)(void *, size_t);
    void *(*calloc)(void *, size_t, size_t);
    void *(*realloc)(void *, void *, size_t);
    void (*free)(void *, void *);
} Allocator;

void PyMem_GetAllocator(int domain, Allocator *allocator);
void PyMem_SetAllocator(int domain, Allocator *allocator);

enum { FIRST = 1, LAST = 2 }; /* PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ */

static Allocator real[LAST + 1];
static unsigned long long count;

static void *counted_malloc(void *ctx, size_t size) {
    Allocator *one = ctx;
    count++;
    return one->malloc(one->ctx, size);
}

static void *counted_calloc(void *ctx, size_t number, size_t size) {
    Allocator *one = ctx;
    count++;
    return one->calloc(one->ctx, number, size);
}

static void *counted_realloc(void *ctx, void *block, size_t size) {
    Allocator *one = ctx;
    count++;
    return one->realloc(one->ctx, block, size);
}

static void passed_free(void *ctx, void *block) {
    Allocator *one = ctx;
    one->free(one->ctx, block);
}

/* Begin to count. The blocks stay those of the real allocators, so `stop` may come at any time. */
void start(void) {
    count = 0;
    for (int domain = FIRST; domain <= LAST; domain++) {
        PyMem_GetAllocator(domain, &real[domain]);
        Allocator counting = {
            &real[domain], counted_malloc, counted_calloc, counted_realloc, passed_free,
        };
        PyMem_SetAllocator(domain, &counting);
    }
}

/* End, and give the count. */
unsigned long long stop(void) {
    for (int domain = FIRST; domain <= LAST; domain++)
        PyMem_SetAllocator(domain, &real[domain]);
    return count;
}
