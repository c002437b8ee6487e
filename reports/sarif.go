package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"xtest/runner/event"
)

// The objects of SARIF 2.1.0 (OASIS standard) that are written here.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool     sarifTool     `json:"tool"`
	Language string        `json:"language"`
	Newlines []string      `json:"newlineSequences"`
	Results  []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name     string      `json:"name"`
	Version  string      `json:"version,omitempty"`
	Language string      `json:"language"`
	Rules    []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID          string          `json:"id"`
	Description sarifText       `json:"shortDescription"`
	Properties  sarifProperties `json:"properties"`
}

type sarifProperties struct {
	Tags []string `json:"tags"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Kind         string             `json:"kind"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
}

type sarifLocation struct {
	Logical []sarifLogical `json:"logicalLocations"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Justification string `json:"justification"`
}

// SARIF writes what failed or is broken as a SARIF 2.1.0 log: a rule for each spec, a result for each target
// that it failed on. A MUST that failed is an error, a SHOULD a warning, a broken spec is left open for
// review. Known failures are suppressed with their reason.
func SARIF(w io.Writer, m *Model) error {
	const language = "en-US"
	run := sarifRun{
		Tool:     sarifTool{Driver: sarifDriver{Name: "xtest", Language: language, Rules: []sarifRule{}}},
		Language: language, Newlines: []string{"\n"}, Results: []sarifResult{},
	}
	if m.Run != nil {
		run.Tool.Driver.Version = Clean(m.Run.Version)
	}
	index := map[string]int{}
	for _, t := range m.Targets {
		for _, s := range t.Specs {
			v := s.Verdict()
			if v != event.Fail && v != event.Broken {
				continue
			}
			i, known := index[s.ID]
			if !known {
				i = len(run.Tool.Driver.Rules)
				index[s.ID] = i
				run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule(s))
			}
			run.Results = append(run.Results, sarifOf(t, s, i))
		}
	}
	e := json.NewEncoder(Inert(w))
	e.SetIndent("", "  ")
	if err := e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}); err != nil {
		return fmt.Errorf("writing SARIF: %w", err)
	}
	return nil
}

func rule(s *Spec) sarifRule {
	r := sarifRule{ID: Clean(s.ID), Description: sarifText{Clip(Clean(s.clause()), maxValue)}, Properties: sarifProperties{Tags: []string{Clean(s.Suite)}}}
	if r.Description.Text == "" {
		r.Description.Text = r.ID
	}
	if s.Meta != nil {
		r.Properties.Tags = append(r.Properties.Tags, Clean(s.Meta.Level))
	}
	return r
}

func sarifOf(t *Target, s *Spec, rule int) sarifResult {
	r := sarifResult{
		RuleID: Clean(s.ID), RuleIndex: rule, Kind: "fail", Level: "error", Message: sarifText{strings.TrimSpace(account(s))},
		Locations:    []sarifLocation{{[]sarifLogical{{Clean(t.Name), "module"}}}},
		Fingerprints: map[string]string{"xtest/v1": Clean(t.Name + " " + s.ID)},
	}
	switch {
	case s.Verdict() == event.Broken:
		r.Kind, r.Level = "review", "none"
	case s.Meta != nil && s.Meta.Level == "SHOULD":
		r.Level = "warning"
	}
	if s.Result.Excused() {
		r.Suppressions = []sarifSuppression{{"external", Clean(Excuse(s.Result.Known))}}
	}
	return r
}
