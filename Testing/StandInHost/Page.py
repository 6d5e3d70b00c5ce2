"""A page of a module as a test drives it."""

from .User import message, tableTexts


class Page:
    """A page of a module, by the name of its panel, with the user's hands on it.

    :param home: the module's widget
    """

    def __init__(self, user, home, name):
        self.user, self.home, self.panel = user, home, home.panel(name)
        self.ui = self.panel.ui
        home.showPanel(name)

    def click(self, name):
        self.user.host.click(getattr(self.ui, name))
        return message(self.home)

    def enter(self, **values):
        for name, value in values.items():
            self.user.host.enter(getattr(self.ui, name), value)

    def rows(self, table):
        return tableTexts(getattr(self.ui, table))

    def select(self, table, row):
        self.user.host.act(getattr(self.ui, table).setCurrentCell, row, 0)

    def type(self, table, row, column, text):
        self.user.host.act(getattr(self.ui, table).item(row, column).setText, text)

    def color(self, table, row, column):
        return getattr(self.ui, table).item(row, column).foreground().color().name()

    def whyNot(self, name):
        button = getattr(self.ui, name)
        assert not button.enabled
        return button.toolTip
