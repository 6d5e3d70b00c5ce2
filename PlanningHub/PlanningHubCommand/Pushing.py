"""The command that sends a package's plan to a navigation system.

It takes the parsed options and returns (JSON values, report for a person, exit code).
"""


def addCommand(command):
    """Add the command to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    pushing = command("push", push, "send a package's plan to a navigation system over OpenIGTLink, unencrypted")
    pushing.add_argument("folder", metavar="DIR", help="package folder; it is verified first")
    pushing.add_argument("--to", dest="peer", required=True, metavar="HOST:PORT", help="where its server listens")
    pushing.add_argument(
        "--not-approved", dest="notApproved", action="store_true", help="send it even though it is not approved"
    )


def push(options, console):
    """Send the plan; say what was sent."""
    from ORExportLib.Models.LivePush import parsePeer, pushPackage

    result = pushPackage(options.folder, parsePeer(options.peer), options.notApproved, console.progress("push"))
    approval = "APPROVED" if result["approved"] else "NOT APPROVED"
    lines = [f"{result['case']}, side {result['side'] or 'not stated'}, {approval}: sent to {options.peer}"]
    lines += [f"  {message['type']} {message['device']}" for message in result["messages"]]
    return {**result, "findings": []}, "\n".join(lines), 0
