package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xtest/reports"
	"xtest/runner/event"
)

func TestParseShard(t *testing.T) {
	slurm := func(id, first, step, count string) map[string]string {
		return map[string]string{"SLURM_ARRAY_TASK_ID": id, "SLURM_ARRAY_TASK_MIN": first, "SLURM_ARRAY_TASK_STEP": step, "SLURM_ARRAY_TASK_COUNT": count}
	}
	gitlab := map[string]string{"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5"}
	for _, c := range []struct {
		text string
		env  map[string]string
		want string // the part, or words of the error
	}{
		{"1/1", nil, "1/1"},
		{"2/5", gitlab, "2/5"},
		{"auto", gitlab, "2/5"},
		{"/5", gitlab, "2/5"},
		{"auto", map[string]string{"CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "4"}, "1/4"},
		{"auto", map[string]string{"BUILDKITE_PARALLEL_JOB": "3", "BUILDKITE_PARALLEL_JOB_COUNT": "4"}, "4/4"},
		{"auto", slurm("0", "0", "1", "3"), "1/3"},
		{"auto", slurm("7", "1", "3", "4"), "3/4"},
		{"/3", map[string]string{"JOB_COMPLETION_INDEX": "2"}, "3/3"},
		// Two that agree.
		{"auto", map[string]string{"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5", "BUILDKITE_PARALLEL_JOB": "1", "BUILDKITE_PARALLEL_JOB_COUNT": "5"}, "2/5"},

		{"auto", nil, "does not say which part"},
		{"/3", nil, "does not say which part"},
		{"auto", map[string]string{"JOB_COMPLETION_INDEX": "2"}, "say it: --shard /N"},
		{"/3", map[string]string{"JOB_COMPLETION_INDEX": "3"}, "number 3 is none of 3"},
		{"/3", gitlab, "5 jobs, not 3"},
		{"auto", map[string]string{"CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "5"}, "number 0 is none of 5"},
		{"auto", map[string]string{"CI_NODE_INDEX": "2"}, `CI_NODE_TOTAL is ""`},
		{"auto", map[string]string{"CI_NODE_INDEX": "two", "CI_NODE_TOTAL": "5"}, `"two", which is no number`},
		{"auto", slurm("7", "1", "1", "3"), "number 7 is none of 3"}, // an array of 1,3,7
		{"auto", slurm("7", "", "1", "3"), "SLURM_ARRAY_TASK_MIN"},
		{"auto", slurm("7", "1", "x", "3"), "SLURM_ARRAY_TASK_STEP"},
		{"auto", slurm("7", "1", "0", "3"), "none of 3"},
		{"auto", map[string]string{"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5", "CIRCLE_NODE_INDEX": "2", "CIRCLE_NODE_TOTAL": "5"}, "two parts, 2/5 of GitLab CI and 3/5 of CircleCI"},
		{"0/3", nil, "from 1 to 3"},
		{"4/3", nil, "from 1 to 3"},
		{"-1/3", nil, "from 1 to 3"},
		{"a/3", nil, "from 1 to 3"},
		{"1/0", nil, "how many parts"},
		{"1/x", nil, "how many parts"},
		{"1/", nil, "how many parts"},
		{"1/2/3", nil, "how many parts"},
		{"1/99999999999999999999", nil, "how many parts"},
		{"2", nil, "write 2/5"},
		{"Auto", nil, "write 2/5"},
	} {
		got, err := parseShard(c.text, func(name string) string { return c.env[name] })
		text := got.String()
		if err != nil {
			text = err.Error()
		}
		if err == nil && text != c.want || err != nil && (!strings.Contains(text, c.want) || strings.HasPrefix(c.want, text)) {
			t.Errorf("%s with %v: %s, want %q", c.text, c.env, text, c.want)
		}
	}
}

// TestMergeOfShardsIsTheWhole runs a matrix as one and in parts, on real machines, and wants the same
// of both: the same specs in the same order, their verdicts, reasons and clauses, and the exit status.
func TestMergeOfShardsIsTheWhole(t *testing.T) {
	t.Parallel()
	needBoots(t)
	dir := t.TempDir()
	// Two targets, destructive specs, one that fails, one that ends the machine.
	file := filepath.Join(dir, "two.yaml")
	const two = "targets: {one: {target: uml:debian-12}, two: {target: uml:debian-12}}\n"
	if err := os.WriteFile(file, []byte(two), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "one", "two", "--config", file, "--no-rootfs"}
	for _, s := range []string{"passes", "fails", "does-not-apply", "powers-off", "destroys", "passes-after-ends"} {
		args = append(args, "--spec", "selftest/"+s)
	}
	const parts = 3
	shards := make([]string, parts)
	var seed uint64
	for i := range parts {
		// No seed: the parts find a common one.
		out := call{dir: dir, args: append(args, "--shard", fmt.Sprintf("%d/%d", i+1, parts), "--runs", fmt.Sprint("part", i))}.run(t)
		shards[i] = onlyRun(t, filepath.Join(dir, fmt.Sprint("part", i)))
		m := load(t, shards[i])
		if seed = m.Run.Seed; out.code != m.Exit() || out.code == exitUsage || len(m.Targets) == 0 {
			t.Fatal(out)
		}
	}
	ran := call{dir: dir, args: append(args, "--seed", fmt.Sprint(seed), "--runs", "whole")}.run(t)
	whole := load(t, onlyRun(t, filepath.Join(dir, "whole")))

	merged := call{dir: dir, args: append([]string{"merge", "--runs", "merged"}, shards...)}.run(t)
	if merged.code != ran.code || merged.code != exitFailed {
		t.Fatalf("the whole: %d\n%s", ran.code, merged)
	}
	again := onlyRun(t, filepath.Join(dir, "merged"))
	if diff := cmp.Diff(told(whole), told(load(t, again))); diff != "" {
		t.Errorf("the merged run is not the whole one (-whole +merged):\n%s", diff)
	}
	logs := func(pattern string) (n int) {
		found, err := filepath.Glob(filepath.Join(dir, pattern, "*", "console-*.log"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if a, b := logs("part*"), logs("merged"); a != b || a == 0 {
		t.Errorf("%d logs of consoles became %d", a, b)
	}
	// Drawn again it is the same, and a part alone is not the whole.
	if drawn := (call{dir: dir, args: []string{"report", filepath.Join("merged", filepath.Base(again))}}).run(t); drawn.stdout != merged.stdout || drawn.code != merged.code {
		t.Errorf("drawn again: %s\n%s", drawn, merged)
	}
	out := call{dir: dir, args: []string{"merge", shards[0], shards[2]}}.run(t)
	if out.code != exitUsage || !strings.Contains(out.stderr, "part 2/3 is missing") {
		t.Errorf("a part is missing: %s", out)
	}
}

// told is what two runs of the same have in common.
func told(m *reports.Model) (list []string) {
	list = append(list, fmt.Sprintf("%+v, exit %d, whole %v", m.Counts, m.Exit(), m.Whole))
	for _, t := range m.Targets {
		list = append(list, fmt.Sprintf("%s %+v ended %v doubts %q parts %v", t.Name, t.Counts, t.Ended, t.Doubts, t.Plan.Parts))
		for _, s := range t.Specs {
			crash := ""
			if s.Crash != nil {
				crash = s.Crash.Kind
			}
			list = append(list, fmt.Sprint(t.Name, s.ID, s.Suite, s.Verdict(), s.Meta.Clause, s.Result.Reason, s.Result.Failure, crash))
		}
	}
	return list
}

func load(t *testing.T, dir string) *reports.Model {
	t.Helper()
	m, err := reports.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// onlyRun is the one run in a folder of runs.
func onlyRun(t *testing.T, runs string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(runs, "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d runs in %s, want 1: %v", len(found), runs, err)
	}
	return found[0]
}

// Targets that are judged at the same time keep the order in which they were named.
func TestJobs(t *testing.T) {
	t.Parallel()
	needBoots(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "three.yaml")
	const three = "targets: {c: {target: uml:debian-12}, a: {target: uml:debian-12}, b: {target: local}}\n"
	if err := os.WriteFile(file, []byte(three), 0o600); err != nil {
		t.Fatal(err)
	}
	// local is ready long before the machines are.
	args := []string{"run", "c", "oci:empty@no-such-runtime", "a", "b", "--config", file, "--no-rootfs", "--spec", "selftest/passes", "--jobs", "3"}
	if out := (call{dir: dir, args: args}).run(t); out.code != exitGood {
		t.Fatal(out)
	}
	dir = runDir(t, dir)
	var names []string
	for _, target := range load(t, dir).Targets {
		names = append(names, target.Name)
	}
	if got := strings.Join(names, " "); got != "c oci:empty@no-such-runtime a b" {
		t.Errorf("the order is %s", got)
	}
	rec, err := reports.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	up, most := 0, 0
	for _, e := range rec.Entries {
		switch e.Kind {
		case event.BootStarted:
			up++
			most = max(most, up)
		case event.MachineEnded:
			up--
		}
	}
	if most < 2 || up != 0 {
		t.Errorf("%d machines were up at once, and %d are not ended", most, up)
	}
}
