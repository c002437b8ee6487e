package finding

import (
	"fmt"
	"strconv"
	"strings"

	"xtest/fuzz/area"
	"xtest/fuzz/program"
	"xtest/internal/xen"
)

// spec is a Ginkgo spec that makes the calls on the machine at hand. It is red, or does not end, while a crash, a hang
// or an answer that no call may give is there; where targets or states differ it tells the answers.
func (f *Finding) spec() string {
	if f.Space != "xen" || len(f.Programs) != 1 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `// Package repro holds what xtest made of a finding: %s
//
// Beware: it may end the machine that it runs on. It is for a guest.
package repro

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"xtest/internal/xen"
)

func TestRepro(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "repro")
}

var _ = Describe("%s", func() {
	It(%q, func() {
		p, err := xen.OpenPrivcmd()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(p.Close)
		a, err := xen.NewArena(16)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(a.Close)
`, oneLine(f.Signature), f.Call, "is answered, and the machine lives: "+f.Signature)
	w := &writer{f: f, b: &b, p: f.Programs[0], lang: golang}
	w.all("\t\t")
	b.WriteString("\t})\n})\n")
	return b.String()
}

// source is a C program that makes the calls, with nothing but a C library.
func (f *Finding) source() string {
	if f.Space != "xen" || len(f.Programs) != 1 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `/*
 * %s
 * Made by xtest. To be run as root in a domain of Xen's: it may end the machine.
 *	cc -static -o repro repro.c && ./repro
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static int fd;

/* include/uapi/xen/privcmd.h */
static long hypercall(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	uint64_t call[6] = { op, a, b, c, d, e };
	long ret = ioctl(fd, 0x305000, call);

	if (ret == -1)
		ret = -errno;
	printf("%%lu -> %%ld\n", (unsigned long)op, ret);
	return ret;
}

int main(void)
{
	/* 16 pages that may be accessed, one that may not */
	unsigned char *mem = mmap(0, 17 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fd = open("/dev/xen/privcmd", O_RDWR);
	if (fd < 0 || mem == MAP_FAILED || mprotect(mem + 16 * 4096, 4096, PROT_NONE) || mlock(mem, 16 * 4096)) {
		perror("repro");
		return 125;
	}
`, strings.ReplaceAll(oneLine(f.Signature), "*/", "* /"))
	w := &writer{f: f, b: &b, p: f.Programs[0], lang: c}
	w.all("\t")
	b.WriteString("\treturn 0;\n}\n")
	return b.String()
}

type language int

const (
	golang language = iota
	c
)

// writer writes a program's calls as statements.
type writer struct {
	f    *Finding
	b    *strings.Builder
	p    *program.Program
	lang language
	at   map[uint64]int // offsets of buffers
	used int
}

func (w *writer) all(indent string) {
	w.at = map[uint64]int{}
	var body strings.Builder
	put := func(format string, args ...any) {
		body.WriteString(indent)
		fmt.Fprintf(&body, format, args...)
		body.WriteByte('\n')
	}
	for i := range w.p.Buffers {
		w.at[uint64(i)] = w.place(w.p.Buffers[i])
	}
	for i, cl := range w.p.Calls {
		for _, v := range cl.Args {
			w.fill(put, v)
		}
		var args []string
		for _, v := range cl.Args[:5] {
			args = append(args, w.value(v))
		}
		put("// %s", w.p.Words(i))
		if w.lang == c {
			put("long r%d = hypercall(%d, %s);", i, cl.Op.Number, strings.Join(args, ", "))
			continue
		}
		put("r%d, err := p.Hypercall(%d, %s)", i, cl.Op.Number, strings.Join(args, ", "))
		put("Expect(err).NotTo(HaveOccurred())")
		put("GinkgoWriter.Println(r%d)", i)
		put("Expect(r%d).To(BeNumerically(\">\", -4096), %q)", i, "neither a value nor an error number")
		if cl.Op.Name == w.f.Call {
			if expected := w.f.expected(); expected != "" {
				put("Expect(r%d).%s", i, expected)
			}
		}
	}
	if w.lang == c {
		for i := range w.p.Calls {
			put("(void)r%d;", i)
		}
	}
	if w.lang == golang { // which wants that what is declared is used
		for _, d := range []struct{ name, value string }{{"base", "a.Base()"}, {"mem", "a.Buffer(a.Size()).Bytes"}} {
			if strings.Contains(body.String(), d.name+"+") || strings.Contains(body.String(), d.name+"[") {
				fmt.Fprintf(w.b, "%s%s := %s\n", indent, d.name, d.value)
			}
		}
	}
	w.b.WriteString(body.String())
}

// expected is what a spec expects of the answer to the finding's call, "" where the machine's end or another one's answer
// is the finding. The signatures are of [xtest/fuzz/oracle].
func (f *Finding) expected() string {
	if f.Class != Contract {
		return ""
	}
	if strings.HasPrefix(f.Signature, "privilege: ") {
		return `To(BeNumerically("<", 0), "it succeeds for a domain that controls no other")`
	}
	_, answer, ok := strings.Cut(f.Signature, " answers ")
	if !ok {
		return ""
	}
	if n, err := strconv.ParseInt(answer, 10, 64); err == nil {
		return fmt.Sprintf(`NotTo(BeEquivalentTo(%d), "no documented error")`, n)
	}
	return `To(BeNumerically("<=", 0), "documented are 0 and errors alone")`
}

// oneLine keeps a signature within its line of a comment: what a console said is in it.
func oneLine(text string) string { return strings.Map(printable, text) }

// pages is how much memory a generated program has.
const pages = 16

func (w *writer) place(b program.Buffer) int {
	n := int(b.Size)
	switch b.Place {
	case program.Short:
		return pages*area.Page - n/2
	case program.Edge:
		return pages*area.Page - n
	case program.Straddle:
		edge := (w.used + n/2 + area.Page - 1) &^ (area.Page - 1)
		w.used = edge + n
		return edge - n/2
	}
	at := (w.used + 15) &^ 15
	w.used = at + n
	return at
}

// value is an expression.
func (w *writer) value(v program.Value) string {
	base, memory := "base+%d", "mem[%d]"
	if w.lang == c {
		base = "(uintptr_t)mem + %d"
	}
	switch v.Form {
	case program.Pointer:
		return fmt.Sprintf(base, w.at[v.N])
	case program.Alias:
		if b, ok := w.p.BufferOf(int(v.N)); ok {
			return fmt.Sprintf(base, w.at[uint64(b)])
		}
	case program.Unmapped, program.ReadOnly:
		return fmt.Sprintf(base, pages*area.Page)
	case program.Hypervisor:
		return "0xffff800000000000"
	case program.Wild:
		return "0x8000000000000000"
	case program.Result:
		if w.lang == golang {
			return fmt.Sprintf("uint64(r%d)", v.N)
		}
		return fmt.Sprintf("r%d", v.N)
	case program.From:
		b, _ := w.p.BufferOf(int(v.N))
		at := w.at[uint64(b)] + int(v.Off)
		if w.lang == golang {
			var parts []string
			for i := range v.Size {
				parts = append(parts, fmt.Sprintf("uint64("+memory+")<<%d", at+int(i), 8*i))
			}
			return strings.Join(parts, "|")
		}
		return fmt.Sprintf("*(uint%d_t *)(mem + %d)", 8*v.Size, at)
	case program.Version:
		if v.N == xen.DomctlOp {
			return fmt.Sprintf("%#x", w.f.Domctl)
		}
		return fmt.Sprintf("%#x", w.f.Sysctl)
	}
	return fmt.Sprintf("%#x", v.N)
}

// fill writes what a pointer shows.
func (w *writer) fill(put func(string, ...any), v program.Value) {
	if v.Form != program.Pointer {
		return
	}
	b := w.p.Buffers[v.N]
	at := w.at[v.N]
	if b.Text != "" {
		if w.lang == c {
			put("memcpy(mem + %d, %q, %d);", at, b.Text, len(b.Text))
		} else {
			put("copy(mem[%d:], %q)", at, b.Text)
		}
	}
	for _, f := range w.p.Fields[b.First:b.Last] {
		if f.Form == program.Number && f.N == 0 || b.Place == program.Short && f.Off+uint32(f.Size) > b.Size/2 {
			continue
		}
		x := w.value(f.Value)
		if w.lang == c {
			put("*(uint%d_t *)(mem + %d) = %s; /* %s */", 8*int(f.Size), at+int(f.Off), x, f.Name)
		} else {
			put("for i, v := 0, uint64(%s); i < %d; i, v = i+1, v>>8 { // %s", x, f.Size, f.Name)
			put("\tmem[%d+i] = byte(v)", at+int(f.Off))
			put("}")
		}
		w.fill(put, f.Value)
	}
}
