// OpenTofu's parser of configurations, which is internal to its module: tools/setup judges builds this within it.
// tofu-parse FOLDER prints the resources and imports that it finds and what it says of them; the status is 1 where it refuses them.
package main

import (
	"encoding/json"
	"os"

	"github.com/opentofu/opentofu/internal/configs"
)

func main() {
	module, diags := configs.NewParser(nil).LoadConfigDir(os.Args[1], configs.RootModuleCallForTesting())
	found := map[string][]string{"resources": {}, "imports": {}, "diagnostics": {}}
	for _, diag := range diags {
		found["diagnostics"] = append(found["diagnostics"], diag.Error())
	}
	if module != nil {
		for _, resource := range module.ManagedResources {
			found["resources"] = append(found["resources"], resource.Type+"."+resource.Name)
		}
		for _, one := range module.Import {
			found["imports"] = append(found["imports"], one.StaticTo.String())
		}
	}
	if json.NewEncoder(os.Stdout).Encode(found) != nil || diags.HasErrors() {
		os.Exit(1)
	}
}
