package main

import (
	"maps"
	"os"
	"slices"

	calls "xtest/fuzz/call"
	"xtest/fuzz/campaign"
	"xtest/fuzz/symbols"
	"xtest/reports/html"
)

// keepFigures keeps in the campaign's folder what it came to, and draws its page there.
func keepFigures(c *campaign.Campaign, dir string) error {
	f := html.Figures{Took: c.Took(), Machines: int64(c.Machines.Load()), Booted: c.Booted(), Functions: functions(c)}
	answers := c.Answers()
	for _, text := range slices.Sorted(maps.Keys(answers)) {
		f.Answers = append(f.Answers, html.CampaignAnswer{Text: text, Times: answers[text]})
	}
	return html.KeepCampaign(dir, f)
}

// functions names what the corpus reached, those with the most blocks first, where the image tells its symbols. Blocks
// of several machines are those of one image.
func functions(c *campaign.Campaign) []html.CampaignFunction {
	args := c.Target.Image.Plan.Command
	i := slices.Index(args, "-kernel")
	if c.Target.Space != calls.Xen() || i < 0 || i+1 == len(args) {
		return nil
	}
	image, err := os.ReadFile(args[i+1])
	if err != nil {
		return nil
	}
	table, err := symbols.Read(image)
	if err != nil {
		return nil
	}
	var list []html.CampaignFunction
	at := map[string]int{}
	for _, e := range c.Corpus.Entries() {
		for _, b := range e.Blocks {
			name, _ := table.Name(b)
			n, known := at[name]
			if !known {
				n = len(list)
				at[name] = n
				list = append(list, html.CampaignFunction{Name: name, Call: e.Program.Calls[len(e.Program.Calls)-1].Op.Name})
			}
			list[n].Blocks++
		}
	}
	slices.SortStableFunc(list, func(a, b html.CampaignFunction) int { return b.Blocks - a.Blocks })
	return list
}
