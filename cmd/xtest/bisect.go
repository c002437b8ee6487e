package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"xtest/bisect"
	"xtest/reports"
	"xtest/runner/event"
)

// bisectFlags are what every axis is asked with.
type bisectFlags struct {
	runFlags
	command     string
	bench       string
	wall        bool
	noiseSet    bool // by the user
	badVerdict  []string
	goodVerdict []string
	noise       float64
	confidence  float64
	limit       int
	resume      string
}

// journalFile is the name of a search's journal in its folder.
const journalFile = "bisect.jsonl"

func bisectCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bisect",
		Short: "Find which kernel, commit, boot parameter or option of its configuration makes the difference",
		Long: `Find the first bad one of an ordered list of kernels or commits, or the boot parameters that make a
good machine bad. A candidate is judged by specs (--spec), by a benchmark (--bench) or by a command (--run).

Both ends are judged first, the culprit both ways last. An answer may be wrong (--noise): what matters
is asked again until the result is as sure as --confidence. With --bench the ends are measured until it is
known whether they differ, and how often an answer is wrong follows from that. Every answer is kept in the search's folder
below --runs; --resume DIR continues from there.

Exit status: 0 found; 125 the ends do not differ, or it could not be judged; 2 wrong usage.`,
		Example: `  xtest bisect kernels 'qemu:debian-{11,12,13,sid}' --spec general/links-of-others --bad-verdict pass
  xtest bisect params qemu:debian-12 --bad 'quiet ipv6.disable=1 nosmt' --spec 'net/*' --bad-verdict not-applicable
  xtest bisect params qemu:debian-12 --catalogue mm --bench munmap/anon-8k-write
  xtest bisect commits --good v6.1 --bad v6.2 --repo linux --build 'make -j8 bzImage' --kernel arch/x86/boot/bzImage --spec 'ipc/*'`,
	}
	c.AddCommand(bisectKernelsCommand(), bisectParamsCommand(), bisectCommitsCommand(), bisectConfigCommand())
	return group(c)
}

func (f *bisectFlags) add(c *cobra.Command) {
	f.archive.add(c)
	f.config.add(c)
	o := &f.options
	flags := c.Flags()
	flags.StringSliceVar(&o.Specs, "spec", nil, "judge by these specs, by ID or pattern (*, ?); one that is bad makes the candidate bad")
	flags.StringVar(&f.bench, "bench", "", "judge by this benchmark: on which side of the middle between the ends it is")
	flags.BoolVar(&f.wall, "wall", false, "with --bench measure time, where the machines could count instructions")
	flags.StringVar(&f.command, "run", "", "judge by this shell command, as `git bisect run`: exit status 0 is good, 125 skips, others to 127 are bad, and more end the search")
	flags.StringSliceVar(&f.badVerdict, "bad-verdict", []string{"fail"}, "verdicts of specs that are bad: fail, pass, not-applicable")
	flags.StringSliceVar(&f.goodVerdict, "good-verdict", nil, "verdicts that are good (default: pass, or fail where pass is bad); with any other the candidate is skipped")
	flags.Float64Var(&f.noise, "noise", 0.01, "how often an answer is wrong, 0 to below 0.5; with 0 nothing is asked twice")
	flags.Float64Var(&f.confidence, "confidence", 0.99, "how sure to be before ending, above 0.5 and below 1")
	flags.IntVar(&f.limit, "limit", 100, "the most candidates to judge (0: any number)")
	flags.StringVar(&f.resume, "resume", "", "continue the search in this folder, given the same arguments")
	flags.Float64Var(&o.Limits.Scale, "time-scale", 0, "multiply time limits, 0.1 to 100 (default 1)")
	flags.StringVar(&f.runs, "runs", "runs", "folder that holds the records")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of everything random in the machines (default: a new one)")
	flags.StringVar(&o.Memory, "memory", "", "memory of a machine, as 512M or 2G (default: the backend's choice)")
	flags.BoolVar(&f.noRoot, "no-rootfs", false, "boot without the distribution's root file system: the agent alone, on an empty tmpfs")
	addMachineFlags(c, o)
}

// started takes note of what was typed.
func (f *bisectFlags) started(c *cobra.Command) {
	f.typed, f.noiseSet = runnable(machineFlags(c.Flags())), c.Flags().Changed("noise")
}

// check checks what does not depend on the axis.
func (f *bisectFlags) check() error {
	switch {
	case f.bench == "" && (f.command == "") == (len(f.options.Specs) == 0):
		return usagef("a candidate is judged by specs (--spec ID), by a benchmark (--bench ID) or by a command (--run 'cmd'): give one of them")
	case !(f.noise >= 0 && f.noise < 0.5):
		return usagef("--noise %g: answers are wrong with a probability from 0 to below 0.5", f.noise)
	case !(f.confidence > 0.5 && f.confidence < 1):
		return usagef("--confidence %g: it is above 0.5 and below 1", f.confidence)
	case f.limit < 0:
		return usagef("--limit %d: it is a number of candidates", f.limit)
	}
	if err := f.checkBench(); err != nil {
		return err
	}
	if len(f.goodVerdict) == 0 {
		f.goodVerdict = []string{string(event.Pass)}
		if slices.Contains(f.badVerdict, string(event.Pass)) {
			f.goodVerdict = []string{string(event.Fail)}
		}
	}
	judged := []string{string(event.Pass), string(event.Fail), string(event.NotApplicable)}
	for _, v := range slices.Concat(f.badVerdict, f.goodVerdict) {
		if !slices.Contains(judged, v) {
			return usagef("--bad-verdict and --good-verdict take pass, fail and not-applicable, not %q; what is broken is always skipped", v)
		}
		if slices.Contains(f.badVerdict, v) && slices.Contains(f.goodVerdict, v) {
			return usagef("the verdict %s cannot be bad and good", v)
		}
	}
	return nil
}

// judged says by what candidates are judged, for the journal.
func (f *bisectFlags) judged() []string {
	switch {
	case f.command != "":
		return []string{"run", f.command}
	case f.bench != "":
		return slices.Concat([]string{"bench", f.bench, "clock", f.options.Clock, "spec"}, f.options.Specs)
	}
	return slices.Concat([]string{"spec"}, f.options.Specs, []string{"bad"}, f.badVerdict, []string{"good"}, f.goodVerdict)
}

// hunt is one search while it is under way.
type hunt struct {
	*bisectFlags
	bisect.Session
	dir      string
	noun     string // what a question costs: a boot, a run of a command
	progress *reports.Progress
	close    []func()

	lab       *lab // of what is judged by specs or a benchmark
	subjectOf func(ctx context.Context, candidate string) (subject, error)
	yardstick *yardstick // of a search by a benchmark
	ready     *subject   // the last that it measured
	readyFor  string
}

// hunt makes the search's folder or opens it, with its journal.
func (f *bisectFlags) hunt(ctx context.Context, header bisect.Header) (*hunt, error) {
	dir := f.resume
	if dir == "" {
		id := make([]byte, 2)
		rand.Read(id)
		dir = filepath.Join(f.runs, time.Now().Format("2006-01-02T15.04.05")+"-bisect-"+hex.EncodeToString(id))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("making the search's folder: %w (--runs DIR chooses another place)", err)
		}
	} else if _, err := os.Stat(filepath.Join(dir, journalFile)); err != nil {
		return nil, usagef("--resume %s: it is no folder of a search: %w", dir, err)
	}
	header.Judged = append(header.Judged, f.judged()...)
	journal, err := bisect.OpenJournal(filepath.Join(dir, journalFile), header)
	if err != nil {
		return nil, err
	}
	screen := stdoutScreen()
	h := &hunt{bisectFlags: f, dir: dir, noun: "boot", progress: reports.NewProgress(screen.out(), screen.progress())}
	if f.command != "" {
		h.noun = "run"
	}
	watch, stop := context.WithCancel(ctx)
	go h.progress.Watch(watch)
	h.close = []func(){stop, h.progress.Close, func() { journal.Close() }}
	h.Session = bisect.Session{Noise: f.noise, Confidence: f.confidence, Limit: f.limit, Journal: journal, Tell: h.tell}
	return h, nil
}

func (h *hunt) end() {
	for _, close := range slices.Backward(h.close) {
		close()
	}
}

func (h *hunt) say(format string, args ...any) { h.progress.Say(fmt.Sprintf(format, args...)) }

// tell shows an answer.
func (h *hunt) tell(s bisect.Step) {
	number := s.Number
	if y := h.yardstick; y != nil {
		y.given[s.Candidate]++
		if s.Answer.Why == asMeasured {
			return // the ends were shown
		}
		if number = y.boots; y.repeats == 1 { // also when it is resumed
			number = len(y.Good) + len(y.Bad) + s.Number - 2
		}
	}
	why := ""
	if s.Answer.Why != "" {
		why = "  (" + s.Answer.Why + ")"
	}
	h.say(" %-4s %-4d %-5s %s%s", h.noun, number, s.Answer.Verdict, s.About, why)
}

// unlike says that the ends do not differ as they should.
func (h *hunt) unlike(kind bisect.Kind, good, bad string) error {
	words := map[bisect.Kind]string{
		bisect.AllBad:  "the ends do not differ: it is bad with %s, too",
		bisect.NoneBad: "the ends do not differ: it is good with %[2]s, too",
		bisect.Swapped: "the ends are the other way round: it is bad with %s and good with %s; swap them, or name other verdicts (--bad-verdict)",
	}
	return fmt.Errorf("%s; the answers are in %s", fmt.Sprintf(words[kind]+"%.0[1]s%.0[2]s", good, bad), h.dir)
}

// result shows the culprits. The search failed to find one when it is not sure enough.
func (h *hunt) result(what []string, confidence float64, remarks ...string) error {
	asked, took := h.Asked()
	if h.yardstick != nil {
		asked, took = h.yardstick.boots, h.yardstick.took
	}
	h.progress.Close()
	t := newTable(os.Stdout)
	for i, w := range what {
		label := "culprit"
		if i > 0 {
			label = "or"
		}
		if err := t.Append(label, reports.Clean(w), fmt.Sprintf("confidence %s", percent(confidence)), fmt.Sprintf("%d %ss, %s", asked, h.noun, reports.Span(took))); err != nil {
			return err
		}
	}
	err := t.Render()
	for _, r := range remarks {
		fmt.Println(" " + reports.Clean(r))
	}
	fmt.Println(" journal: " + filepath.Join(h.dir, journalFile))
	if confidence < h.confidence {
		return errors.Join(err, fmt.Errorf("it is not as sure as --confidence %g; the answers contradict each other: is --noise %g too low?", h.confidence, h.noise))
	}
	return err
}

// percent never says that something is certain.
func percent(p float64) string { return fmt.Sprintf("%.1f %%", min(100*p, 99.9)) }
