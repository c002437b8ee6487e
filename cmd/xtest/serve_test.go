package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/record"
)

// xtest serve says where it shows the runs of the folder, shows them, and ends by a signal.
func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := record.Create(dir+"/runs", "aaaa", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	w.Add(event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "aaaa"}})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve"}, {"serve", "runs/"}} {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		c := exec.CommandContext(ctx, program, append(args, "--port", "0")...)
		c.Dir = dir
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		url := regexp.MustCompile(`^http://127\.0\.0\.1:\d+/`).FindString(line)
		if err != nil || url == "" {
			t.Fatalf("it says %q: %v", line, err)
		}
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(page), "2026-01-01T00.00.00-aaaa") {
			t.Errorf("the list is %.300s: %v", page, err)
		}
		c.Process.Signal(syscall.SIGINT)
		if err := c.Wait(); c.ProcessState.ExitCode() != 128+int(syscall.SIGINT) {
			t.Errorf("it ended with %v", err)
		}
	}
	for _, args := range []string{"serve nowhere", "serve --port 70000", "serve a b"} {
		if r := (call{dir: dir, args: strings.Fields(args)}).run(t); r.code != exitUsage {
			t.Errorf("xtest %s: %s", args, r)
		}
	}
}

// A run that is at work is shown until it ends.
func TestFollowCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := record.Create(dir+"/runs", "aaaa", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Add(event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "aaaa"}})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, program, "report", "--follow")
	c.Dir = dir
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	at := func(e event.Event) { e.Target, e.Boot = "uml:x", 1; w.Add(e) }
	lines := bufio.NewReader(out)
	at(event.Event{Kind: event.BootStarted})
	at(event.Event{Kind: event.Booted, Machine: &event.Machine{Kernel: "6"}})
	if line, err := lines.ReadString('\n'); !strings.HasPrefix(line, "booted  uml:x") {
		t.Errorf("first it says %q: %v", line, err)
	}
	at(event.Event{Kind: event.SpecStarted, Spec: "a/b"})
	at(event.Event{Kind: event.SpecEnded, Spec: "a/b", Result: &event.Result{Verdict: event.Fail, Reason: "so"}})
	if line, err := lines.ReadString('\n'); line != "FAIL    uml:x  a/b  so\n" {
		t.Errorf("then it says %q: %v", line, err)
	}
	at(event.Event{Kind: event.Finished})
	at(event.Event{Kind: event.TargetEnded})
	w.Add(event.Event{Kind: event.RunEnded, Exit: 1})
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(rest), "1 failed · 1 judged") {
		t.Errorf("in the end it says %s: %v", rest, err)
	}
	if c.Wait(); c.ProcessState.ExitCode() != exitFailed {
		t.Errorf("it ended with %d", c.ProcessState.ExitCode())
	}
}
