package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"xtest/runner"
	"xtest/runner/event"
)

// maxShards bounds the parts of a run.
const maxShards = 10_000

// part narrows the plan to the part that --shard asks for, or leaves it whole and gives nil.
func (f *runFlags) part(plan *runner.Plan) (*event.Shard, error) {
	if f.shard == "" {
		return nil, nil
	}
	s, err := parseShard(f.shard, os.Getenv)
	if err != nil {
		return nil, err
	}
	if f.seed == 0 {
		// Nobody tells the parts of a common seed; they find the same one.
		plan.Seed = seedOf(*plan)
	}
	whole := len(plan.Targets)
	*plan = plan.Shard(s)
	if len(plan.Targets) == 0 {
		return nil, usagef("--shard %s: nothing is left for this part of what is judged on %d targets; split it into fewer parts", s, whole)
	}
	return &s, nil
}

// seedOf draws a seed out of what is going to be judged.
func seedOf(p runner.Plan) uint64 {
	h := sha256.New()
	for _, t := range p.Targets {
		fmt.Fprintf(h, "%q\n", t.Name)
	}
	for _, s := range p.Specs {
		fmt.Fprintf(h, "%q\n", s.ID)
	}
	return uint64(binary.LittleEndian.Uint32(h.Sum(nil))) + 1
}

// system is a CI system or scheduler that tells its jobs in their environment which of how many they are.
type system struct {
	name  string
	index string // the variable that holds the number of this job
	first string // the number of the first job, or the variable that holds it
	step  string // the variable that holds the distance of their numbers, or ""
	total string // the variable that holds how many there are, or ""
}

var systems = []system{
	// docs.gitlab.com, Predefined CI/CD variables: set in jobs with `parallel`.
	{name: "GitLab CI", index: "CI_NODE_INDEX", first: "1", total: "CI_NODE_TOTAL"},
	// circleci.com/docs, Test splitting and parallelism.
	{name: "CircleCI", index: "CIRCLE_NODE_INDEX", first: "0", total: "CIRCLE_NODE_TOTAL"},
	// buildkite.com/docs, Environment variables.
	{name: "Buildkite", index: "BUILDKITE_PARALLEL_JOB", first: "0", total: "BUILDKITE_PARALLEL_JOB_COUNT"},
	// sbatch(1), OUTPUT ENVIRONMENT VARIABLES.
	{name: "Slurm", index: "SLURM_ARRAY_TASK_ID", first: "SLURM_ARRAY_TASK_MIN", step: "SLURM_ARRAY_TASK_STEP", total: "SLURM_ARRAY_TASK_COUNT"},
	// kubernetes.io/docs, Jobs, completionMode: Indexed. How many there are the job is not told.
	{name: "Kubernetes", index: "JOB_COMPLETION_INDEX", first: "0"},
}

// parseShard reads I/N, auto, or /N with the index from the environment.
func parseShard(text string, env func(string) string) (event.Shard, error) {
	index, total, both := strings.Cut(text, "/")
	given := 0
	if both {
		n, err := strconv.Atoi(total)
		if err != nil || n < 1 || n > maxShards {
			return event.Shard{}, usagef("--shard %q: behind the slash stands how many parts there are, 1 to %d; write 2/5, /5 or auto", text, maxShards)
		}
		given = n
	}
	switch {
	case both && index != "":
		n, err := strconv.Atoi(index)
		if err != nil || n < 1 || n > given {
			return event.Shard{}, usagef("--shard %q: the part is a number from 1 to %d", text, given)
		}
		return event.Shard{Index: n, Total: given}, nil
	case !both && text != "auto":
		return event.Shard{}, usagef("--shard %q: write 2/5 for the second of five parts, or auto, or /5", text)
	}
	return fromEnvironment(text, given, env)
}

func fromEnvironment(text string, given int, env func(string) string) (event.Shard, error) {
	var found event.Shard
	var by string
	var names []string
	for _, s := range systems {
		names = append(names, s.name+" ("+s.index+")")
		if env(s.index) == "" {
			continue
		}
		shard, err := s.shard(given, env)
		if err != nil {
			return shard, usagef("--shard %s: %w", text, err)
		}
		if by != "" && found != shard {
			return shard, usagef("--shard %s: the environment names two parts, %s of %s and %s of %s; name one: --shard I/N", text, found, by, shard, s.name)
		}
		found, by = shard, s.name
	}
	if by == "" {
		return found, usagef("--shard %s: the environment does not say which part this is; known are %s. Name it: --shard I/N", text, strings.Join(names, ", "))
	}
	return found, nil
}

// shard reads the system's variables. A given total takes the place of one that is not told.
func (s system) shard(given int, env func(string) string) (event.Shard, error) {
	number := func(name string) (int, error) {
		n, err := strconv.Atoi(env(name))
		if err != nil {
			return 0, fmt.Errorf("%s's %s is %q, which is no number", s.name, name, env(name))
		}
		return n, nil
	}
	id, err := number(s.index)
	if err != nil {
		return event.Shard{}, err
	}
	first, err := strconv.Atoi(s.first)
	if err != nil {
		if first, err = number(s.first); err != nil {
			return event.Shard{}, err
		}
	}
	step := 1
	if s.step != "" && env(s.step) != "" {
		if step, err = number(s.step); err != nil {
			return event.Shard{}, err
		}
	}
	total := given
	if s.total != "" {
		if total, err = number(s.total); err != nil {
			return event.Shard{}, err
		}
	}
	switch {
	case total == 0:
		return event.Shard{}, fmt.Errorf("%s does not tell a job how many there are; say it: --shard /N", s.name)
	case given != 0 && total != given:
		return event.Shard{}, fmt.Errorf("%s has %d jobs, not %d", s.name, total, given)
	case step < 1 || id < first || (id-first)%step != 0 || (id-first)/step >= total || total > maxShards:
		return event.Shard{}, fmt.Errorf("%s numbers its jobs so that number %d is none of %d from %d by %d; name the part: --shard I/N", s.name, id, total, first, step)
	}
	return event.Shard{Index: (id-first)/step + 1, Total: total}, nil
}
