//go:build ignore

/*
 * A QEMU TCG plugin that notes which blocks of code are executed for the first time: a block is
 * translated when it is first reached, so counting translations costs nothing per execution.
 *
 * It writes into a file that the host maps (the words of file.go, in the same order), and reads out of
 * the machine's memory which call is under way.
 *
 * No header of QEMU's is needed: the few functions of the interface are declared here, as QEMU's
 * documentation of TCG plugins has them.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef API
#define API 1
#endif

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*cb)(plugin_id, struct qemu_plugin_tb *));
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);

EXPORT int qemu_plugin_version = API;

/* The words of the file, see file.go. */
enum { MAGIC, COUNT, CAPACITY, LOW, END, PAGES, CURRENT, ENTRIES, CALLS, PENDING, ENTRY_SIZE, SEEN, WORDS };
enum { TABLE = 4096, LOG = 65536 };

struct entry {
	uint64_t address, instructions, current, call;
};

static volatile uint64_t *words;
static volatile uint64_t *table; /* where the pages of the shared area are in the machine's memory */
static struct entry *log_;
static const char *ram;
static uint64_t ram_size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Addresses seen, by open addressing; 0 is free. */
static uint64_t *seen;
static uint64_t seen_mask = (1 << 20) - 1;

static int is_new(uint64_t a)
{
	uint64_t i = (a * 0x9e3779b97f4a7c15ull) >> 44;
	for (uint64_t n = 0; n <= seen_mask; n++, i++) {
		uint64_t *p = &seen[i & seen_mask];
		if (*p == a)
			return 0;
		if (*p == 0) {
			*p = a;
			return 1;
		}
	}
	return 0;
}

/* A word of the shared area, 0 when the host has yet to find it. */
static uint64_t shared(uint64_t offset)
{
	uint64_t page = offset / 4096, at;
	if (!ram || page >= words[PAGES])
		return 0;
	at = table[page] + offset % 4096;
	if (at > ram_size - 8)
		return 0;
	return *(const volatile uint64_t *)(ram + at);
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	uint64_t a = qemu_plugin_tb_vaddr(tb), n, entries;
	struct entry *e;

	if (a < words[LOW] || a >= words[END])
		return;
	pthread_mutex_lock(&lock);
	if (is_new(a)) {
		words[SEEN]++;
		n = words[COUNT];
		if (n < words[CAPACITY]) {
			e = &log_[n];
			e->address = a;
			e->instructions = qemu_plugin_tb_n_insns(tb);
			e->current = shared(words[CURRENT]);
			e->call = ~0ull;
			entries = shared(words[ENTRIES]);
			if (words[PAGES] && entries) {
				uint64_t calls = shared(words[CALLS]);
				for (e->call = 0; e->call + 1 < calls; e->call++)
					if (shared(entries + e->call * words[ENTRY_SIZE] + 8) == words[PENDING])
						break;
			}
			__sync_synchronize();
			words[COUNT] = n + 1;
		}
	}
	pthread_mutex_unlock(&lock);
}

static void *map(const char *path, uint64_t *size, int write)
{
	struct stat st;
	void *p;
	int fd = open(path, write ? O_RDWR : O_RDONLY);

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	*size = st.st_size;
	p = mmap(0, st.st_size, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? 0 : p;
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	uint64_t size = 0;

	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "cover=", 6))
			words = map(argv[i] + 6, &size, 1);
		if (!strncmp(argv[i], "ram=", 4))
			ram = map(argv[i] + 4, &ram_size, 0);
	}
	if (argc == 0)
		return 0; /* to see whether QEMU takes us */
	seen = calloc(seen_mask + 1, sizeof *seen);
	if (!words || size < LOG || !seen)
		return -1;
	table = words + TABLE / 8;
	log_ = (struct entry *)((char *)words + LOG);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
