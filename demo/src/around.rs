//! Instructions to look around, with everything running or not.

use std::env;

use crate::failure::Step;
use crate::kubectl;
use crate::stage::Stage;
use crate::story::Cast;

/// Next steps when everything is about to end.
pub(crate) fn hint(stage: &Stage) {
    stage.screen.say(
        "\nTo look around\n\n\
         make demo KEEP=1 runs the same demo, leaves everything running until Ctrl-C, and prints commands for\n\
         another terminal: kubectl for this cluster, and curl to change subscriptions at the vendors.\n\
         The manifests are in examples/; each says what it is for.",
    );
}

/// Commands for another terminal.
pub(crate) fn explain(stage: &Stage, cast: &Cast) -> Step<()> {
    let screen = stage.screen;
    let say = |text: &str| screen.say(text);
    say("\nTo look around\n\nEverything runs until Ctrl-C. In another terminal:\n");
    let kubeconfig = stage.kubeconfig();
    screen.command(&kubectl::line(&["export", &format!("KUBECONFIG={}", kubeconfig.display())]));
    let tools = stage.tools();
    let path = env::var_os("PATH").unwrap_or_default();
    if !env::split_paths(&path).any(|folder| folder == tools) {
        screen.command(&format!("export PATH={}:$PATH", kubectl::line(&[&tools.display().to_string()])));
    }
    screen.gap();
    for command in [
        "kubectl get wh,va -A",
        "kubectl get wh -o wide",
        "kubectl describe wh",
        "kubectl explain webhook.spec.subscription.contensis",
    ] {
        screen.command(command);
    }
    if let Some(address) = stage.pages_address() {
        say(&format!("\nIn a browser: http://{address}/"));
    }
    say("\nChange a subscription at the vendor, and request a pass:");
    for part in &cast.parts {
        let url = stage.control.subscriptions_url(part.vendor, &part.account);
        let id = part.external_id(stage)?;
        let edit = part.vendor.edit_by_hand();
        screen.say(&format!("\n{}", part.vendor.name()));
        screen.command(&format!("curl {url}"));
        screen.command(&format!("curl -X PATCH {url}/{id} -d '{}'", edit.patch));
        screen.command(&format!(
            "kubectl annotate wh {} --overwrite hooktender.dev/requested-at=\"$(date)\"",
            part.webhook
        ));
        screen.command(&format!("curl {url}"));
    }
    say(
        "\nWithin two seconds it is as declared again. Brightpearl's webhooks are replaced: the new id, for the",
    );
    say("next change, is in the column ID of `kubectl get wh`.\n");
    say("The log of the operator, and its metrics:\n");
    screen.command(&format!("tail -f {}", stage.operator_log().display()));
    if let Some(address) = stage.operator_address() {
        screen.command(&format!("curl http://{address}/metrics"));
    }
    say("\nKubernetes' own controllers are missing here: a namespace that you delete stays Terminating.");
    say("Ctrl-C ends everything and removes its files.");
    Ok(())
}
